"""What a bundle promises: a threshold for each kind of offer, a certificate in plain words, and what stays silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mersalg.names import KINDS, Kind
from mersalg_training.export.card import MEANING, at_least, at_most, bought_of_weakest, wanted_of
from mersalg_training.figure_table import FigureTable
from mersalg_training.report.blocks import Block, Card, Cards, PageSection, Paragraph, Table, as_block
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import DASH, count, day, number, sentence, share, some

RELEVANCE: Final = (
    "Relevance is the probability that an offer is bought, learned from purchases. An offer is shown only when its "
    "relevance reaches the threshold of its kind. Where nothing reaches it, nothing is shown."
)
LIMITS: Final = (
    "A certificate speaks of customers, products and seasons like those of its window. It says that offers were "
    "bought, not that they were bought because they were shown: only a hold-out group measures that. It "
    "was measured with the same rankers and thresholds on counts that ended where its window began; the counts in the "
    "bundle are newer."
)


def promises(subject: Subject) -> PageSection:
    """A card for each kind."""
    question = "From which relevance on is an offer shown, and what is certified of it?"
    blocks: list[Block] = [Paragraph(RELEVANCE, "note"), Cards([card(subject, kind) for kind in told_kinds(subject)])]
    return PageSection("promises", "What it promises", question, blocks, opening=True)


def certificates(subject: Subject) -> PageSection:
    """Every kind in a row of a table, and what a certificate does not say."""
    blocks: list[Block] = [thresholds(subject, told_kinds(subject)), Paragraph(LIMITS, "note")]
    return PageSection("certificates", "Thresholds and certificates", "On what does each promise rest?", blocks)


def told_kinds(subject: Subject) -> list[Kind]:
    """The kinds of the manifest, in their order."""
    return [kind for kind in KINDS if kind in subject.manifest["kinds"]]


def card(subject: Subject, kind: Kind) -> Card:
    """A kind in short: certified, shown without a certificate, or silent."""
    rule, certificate = subject.manifest["kinds"][kind], subject.certificate(kind)
    meaning, wanted = sentence(MEANING[kind]), wanted_of(rule)
    if rule["threshold"] is None:
        why = rule.get("silent_because") or "no threshold was found that keeps what is wanted"
        best = rule.get("precision_reachable")
        told = [("wanted", wanted), *([("at best bought", share(best))] if best else [])]
        return Card(kind, "silent", "level", "Nothing of this kind is shown", f"{meaning} {sentence(why)}", told)
    facts = [("shown from a relevance of", number(rule["threshold"], 4)), ("wanted", wanted)]
    if rule.get("coverage") is not None:
        facts.append(("requests that see one", f"{share(rule['coverage'])} of those that could"))
    if rule.get("weakest_tenth") is not None:
        facts.append(("of the weakest tenth", bought_of_weakest(rule["weakest_tenth"])))
    if certificate is None:
        text = f"{meaning} Too few offers, or too mixed an outcome, to promise a share."
        return Card(kind, "no certificate", "level", "Shown without a promise", text, facts)
    if certificate.get("realised") is not None:
        facts.insert(1, ("bought when measured", share(certificate["realised"])))
    headline = f"At least {at_least(certificate['precision'])} of what is shown is bought"
    return Card(kind, "certified", "good", headline, f"{meaning} {measured(certificate)}", facts)


def measured(certificate: Mapping[str, Any]) -> str:
    """Put into words what a certificate rests on."""
    customers = f" to {count(certificate['customers'])} customers" if "customers" in certificate else ""
    return (
        f"Confidence {certificate['confidence']:.0%}, measured on {some(certificate['n'], 'offer', 'offers')}"
        f"{customers} from {day(certificate['from'])} to {day(certificate['to'])}, which the model had not seen."
    )


def thresholds(subject: Subject, kinds: list[Kind]) -> Table:
    """Every kind in a row."""
    rows = []
    for kind in kinds:
        rule, certificate = subject.manifest["kinds"][kind], subject.certificate(kind)
        silent = rule["threshold"] is None
        rows.append(
            [
                kind,
                "silent" if silent else number(rule["threshold"], 4),
                wanted_of(rule),
                "none" if certificate is None else at_least(certificate["precision"]),
                DASH if certificate is None else f"{certificate['confidence']:.0%}",
                DASH if certificate is None else count(certificate["n"]),
                DASH if silent else share(rule.get("realised")),
                of_weakest(rule.get("weakest_tenth")),
                DASH if silent else share(rule.get("coverage")),
                share(rule.get("precision_reachable")),
            ]
        )
    columns = [
        "kind", "shown from", "wanted", "certified: at least", "confidence", "offers measured", "bought of them",
        "bought of the weakest tenth (proved)", "requests that see one", "most that can be reached",
    ]  # fmt: skip
    caption = "Thresholds and certificates, measured on customers who had no part in choosing them"
    return as_block(FigureTable(caption, columns, rows, words=[2]))


def of_weakest(tenth: Mapping[str, Any] | None) -> str:
    """What was bought of the weakest tenth of what is shown, and what is proved of it."""
    if tenth is None:
        return DASH
    return f"{share(tenth['realised'])} ({at_least(tenth['at_least'])} to {at_most(tenth['at_most'])})"
