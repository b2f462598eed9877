"""Names of the transforms of a target, apart from what computes them: options need no more."""

TRANSFORM_NAMES = ("none", "log", "yeo-johnson", "auto")
WITHOUT_LOG = "auto without log"  # "auto" for a target of which some rows have no logarithm
