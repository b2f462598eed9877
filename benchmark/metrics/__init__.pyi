from .builtin import METRICS as METRICS
from .builtin import score as score
from .scoring import all_metrics as all_metrics
from .scoring import score_run as score_run
from .scoring import unscored as unscored
from .stated import ScoredForecasts as ScoredForecasts
from .stated import central_levels as central_levels
from .stated import scored as scored
