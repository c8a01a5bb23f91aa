"""What a model's calls cost: its entry's own prices, else those of the catalog."""

import datetime
from typing import NamedTuple

from alignbench.models.endpoint.options import EndpointOptions
from alignbench.schemas.configuration.catalog import CatalogModel, catalog
from alignbench.schemas.configuration.plugin_sections import GeneratorConfig
from alignbench.schemas.protocols import Options


class Prices(NamedTuple):
    """US dollars: for a million tokens sent and received, or for an image made.

    Attributes:
        read_on: The day on which the catalog's were read; None of an entry's own.
    """

    sent: float | None
    received: float | None
    image: float | None
    read_on: datetime.date | None

    def of(self, sent: float | None, received: float | None) -> float | None:
        """Returns what one call costs; None where that is not known."""
        if self.image is not None:
            return self.image
        if self.sent is None or self.received is None or sent is None or received is None:
            return None
        return (sent * self.sent + received * self.received) / 1_000_000


NO_PRICES = Prices(None, None, None, None)


def catalog_entry(config: GeneratorConfig) -> CatalogModel | None:
    """Returns the model of the catalog, unless the entry goes to another server or repository."""
    model = catalog().get(config.model) if config.model is not None else None
    if model is None or config.repo != model.repo:
        return None
    same_server = config.further.get("base_url") == model.options.get("base_url")
    return model if same_server else None


def prices(config: GeneratorConfig, options: Options) -> Prices:
    """Returns what calls to the model of an entry cost, as far as that is known."""
    own = own_prices(options)
    if own != NO_PRICES:
        return own
    model = catalog_entry(config)
    if model is None:
        return NO_PRICES
    return Prices(model.price_in, model.price_out, model.price_image, model.price_date)


def own_prices(options: Options) -> Prices:
    """Returns what the options themselves say that calls cost."""
    if not isinstance(options, EndpointOptions):
        return NO_PRICES
    return Prices(options.price_in, options.price_out, options.price_image, None)


def with_prices(config: GeneratorConfig, options: Options) -> Options:
    """Returns a server's options with what its calls cost, as far as that is known."""
    if not isinstance(options, EndpointOptions):
        return options
    found = prices(config, options)
    return options.model_copy(
        update={
            "price_in": found.sent,
            "price_out": found.received,
            "price_image": found.image,
        }
    )
