"""The page of a bundle, or of two: sections in the order in which they are asked."""

from __future__ import annotations

from typing import Final

from mersalg_training.evaluation.metrics import NDCG
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.reliability import ALL
from mersalg_training.report import pair
from mersalg_training.report.blocks import Card, Cards, Tone
from mersalg_training.report.sections.answers import answers
from mersalg_training.report.sections.candidates import candidates
from mersalg_training.report.sections.follow_on import follow_on
from mersalg_training.report.sections.history import history
from mersalg_training.report.sections.lineage import making
from mersalg_training.report.sections.patterns import patterns_section
from mersalg_training.report.sections.promises import certificates, promises
from mersalg_training.report.sections.reliability import reliability, verdict
from mersalg_training.report.sections.results import best_single, results
from mersalg_training.report.sections.thresholds import thresholds
from mersalg_training.report.subject import Subject
from mersalg_training.report.template import write
from mersalg_training.report.wording import listed, of_share, some

WORDS: Final = [
    ("relevance", "the probability that an offer is bought; 0.07 means seven of a hundred"),
    ("threshold", "the least relevance at which an offer of a kind is shown"),
    (
        "certificate",
        "a share of what is shown that is bought at least, proved on purchases that the model had not seen",
    ),
    ("interval", "where the true figure lies with 95 % confidence, were other customers drawn from the same shop"),
    ("NDCG@10", "how far up among the first ten stands what is bought; 1 is perfect"),
    ("recall@10", "the share of what is bought that stands among the first ten"),
    ("PSNDCG@10, PSrecall@10", "the same, where a hit on a product that few orders hold counts more"),
    ("explore, repeat", "products that the customer had not, or had, bought before"),
    ("baseline", "a simpler method that answers the same requests"),
    ("ECE", "expected calibration error: how far promised and realised shares lie apart on average"),
]


def render(subject: Subject) -> str:
    """The page of one bundle; the same subject gives the same text."""
    sections = [
        answers(subject),
        patterns_section(subject),
        promises(subject),
        certificates(subject),
        reliability(subject),
        results(subject),
        follow_on(subject),
        thresholds(subject),
        candidates(subject),
        history(subject.manifest),
        making(subject.manifest),
    ]
    manifest = subject.manifest
    told = (
        f"Made {manifest['created_at']} by mersalg {manifest['mersalg_version']} from purchases of "
        f"{manifest['data']['from']} to {manifest['data']['to']}."
    )
    return write(f"{subject.name}: report of a bundle", told, Cards(glance(subject)), sections, WORDS)


def render_pair(first: Subject, second: Subject) -> str:
    """The page of two bundles, set side by side; the same subjects give the same text."""
    both = first, second
    one, other = pair.labels(both)
    told = f"{one}: made {first.manifest['created_at']}; {other}: made {second.manifest['created_at']}."
    return write(f"{one} beside {other}: report of two bundles", told, pair.glance(both), pair.sections(both), WORDS)


def glance(subject: Subject) -> list[Card]:
    """What was measured, in short."""
    return [kept(subject), seen(subject), ranked(subject)]


def kept(subject: Subject) -> Card:
    """How many certificates held on the test window."""
    result = [row for row in subject.evaluation.kept if row.group == ALL]
    held: dict[str, list[str]] = {}
    for row in result:
        certificate = subject.certificate(row.kind)
        if certificate is not None:
            held.setdefault(verdict(certificate["precision"], row.came)[0], []).append(row.kind)
    if not held:
        return Card("Kept", "", "level", "Not told", "No certificate was checked on a test window.", [])
    checked = sum(len(kinds) for kinds in held.values())
    good = sum(len(kinds) for told, kinds in held.items() if told.startswith("kept"))
    text = " ".join(f"{told[0].upper()}{told[1:]}: {listed(kinds)}." for told, kinds in held.items())
    tone: Tone = "bad" if "broken" in held else "good" if good == checked else "level"
    return Card("Kept", "", tone, f"{good} of {checked} certificates kept on test", text, [])


def seen(subject: Subject) -> Card:
    """How many requests see an offer, and how much of it is bought."""
    every = next((row for row in subject.evaluation.shown if (row.moment, row.kind) == (EVERY, EVERY)), None)
    if every is None:
        return Card("Shown", "", "level", "Not told", "No test window was evaluated.", [])
    bought = "nothing is shown" if every.precision is None else f"{of_share(every.precision)} of it is bought"
    text = f"On the test window, at most three offers a request: {bought}."
    return Card("Shown", "", "", f"{of_share(every.seen).split(' (')[0]} of requests see an offer", text, [])


def ranked(subject: Subject) -> Card:
    """How it stands beside the best single method."""
    gaps = best_single(subject.evaluation, NDCG) if subject.evaluation.figures(NDCG) else {}
    if not gaps:
        text = "No difference to a baseline was measured."
        return Card("Ranked", "", "level", "Not compared", text, [])
    ahead = sum(gap.ahead for gap in gaps.values())
    behind = [task for task, gap in gaps.items() if gap.estimate.high < 0.0]
    text = f"By NDCG@10, outside the interval of the difference. Behind: {listed(behind) or 'on none'}."
    headline = f"Ahead of the best single method on {ahead} of {some(len(gaps), 'task', 'tasks')}"
    return Card("Ranked", "", "bad" if behind else "good" if ahead else "level", headline, text, [])
