"""The log of offers that a training job names, read beside its purchases."""

from __future__ import annotations

import duckdb

from mersalg_training.config import Config
from mersalg_training.data.timeline import Timeline
from mersalg_training.logged_offers.read import OffersReport, read_offers
from mersalg_training.logged_offers.requests import LoggedOffers, gather_offers


class LoggedOffersReader:
    """Keeps what it has read."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.report: OffersReport | None = None
        self.offers: LoggedOffers | None = None

    def read(self, connection: duckdb.DuckDBPyConnection, timeline: Timeline) -> None:
        """Read `data.offers` from a database that holds the checked purchases; nothing where there is none."""
        data, most = self.config.data, self.config.contract.max_reject_share
        if data.offers is not None:
            self.report = read_offers(connection, data.offers, data.columns, most, data.encoding)
            self.offers = gather_offers(connection, timeline)
