from .builtin import METRICS as METRICS
from .builtin import score as score
from .scoring import all_metrics as all_metrics
from .scoring import score_run as score_run
from .scoring import unscored as unscored
