from .builtin import METRICS as METRICS
from .builtin import score as score
