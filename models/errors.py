"""What can go wrong with a model as a whole: its server, or its weights."""

from alignbench.schemas.errors import AlignBenchError


class EndpointDownError(AlignBenchError):
    """A model server gave no useful answer to anything for as long as the patience lasts."""

    code = "AB-G03"


class EndpointRefusedError(AlignBenchError):
    """A model server takes no request at all: the key, the model, the address or the account."""

    code = "AB-G04"
    exit_code = 2


class PickledWeightsError(AlignBenchError):
    """A model's weights are pickles, which can run any code when they are opened."""

    code = "AB-G06"
    exit_code = 2


class ModelNotFoundError(AlignBenchError):
    """A model is not in the place that the configuration names, or cannot be fetched."""

    code = "AB-G07"
    exit_code = 2


class ChangedWeightsError(AlignBenchError):
    """A folder holds other weights than those that this workspace's rows were made with."""

    code = "AB-G08"
    exit_code = 2


class IncompleteWeightsError(AlignBenchError):
    """A model's files lack weights that it has, or hold them in another shape."""

    code = "AB-G09"
    exit_code = 2


class UnsupportedModelError(AlignBenchError):
    """A model is of a kind that is not run here, or that the installed libraries do not know."""

    code = "AB-G17"
    exit_code = 2
