from ._assess import assess as assess
from ._results import Results as Results
from ._results import compare as compare
from ._results import load as load
from ._results import load_card as load_card
from ._run import run as run
from .analysis.cards.card import Card as Card
from .comparison.runs import Comparison as Comparison

__version__: str
