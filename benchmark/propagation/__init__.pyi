from .breaks import Break as Break
from .noise import Noise as Noise
from .noise_text import parsed_noise as parsed_noise
from .propagate import Settings as Settings
from .propagate import propagated as propagated
from .result import Propagation as Propagation
from .worst_case import Extreme as Extreme
from .worst_case import WorstCase as WorstCase
