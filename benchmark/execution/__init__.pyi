from .call_count import call_count as call_count
from .pools.dask import ClusterPool as ClusterPool
from .pools.inline import InlinePool as InlinePool
from .pools.local import LocalPool as LocalPool
from .progress import Reporter as Reporter
from .scheduler import run_cells as run_cells
from .signals import Interruption as Interruption
from .signals import interruptible as interruptible
