from ._assess import assess as assess
from ._results import Results as Results
from ._results import compare as compare
from ._results import load as load
from ._run import run as run
from ._score import Scores as Scores
from ._score import score_forecasts as score_forecasts
from .analysis.cards.card import Card as Card
from .comparison.runs import Comparison as Comparison

__version__: str
