"""Logged offers, read and checked once for every command, and gathered into requests."""

from mersalg_training.logged_offers.read import OffersReport, read_offers
from mersalg_training.logged_offers.requests import LoggedOffers, gather_offers

__all__ = ["LoggedOffers", "OffersReport", "gather_offers", "read_offers"]
