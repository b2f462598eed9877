from ._assess import assess as assess
from ._propagate import propagate as propagate
from ._results import Results as Results
from ._results import compare as compare
from ._results import load as load
from ._results import load_card as load_card
from ._run import run as run
from ._score import score_forecasts as score_forecasts
from .analysis.cards.card import Card as Card
from .comparison.runs import Comparison as Comparison
from .metrics.stated import Scores as Scores
from .propagation.result import Propagation as Propagation

__version__: str
