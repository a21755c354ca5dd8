"""Whether what is shown follows on from the request: beyond best-sellers, with a lift, and nothing just paid for."""

from __future__ import annotations

from typing import Final

from mersalg_training.evaluation.render import follow_on_table
from mersalg_training.report.blocks import PageSection, Paragraph, as_block
from mersalg_training.report.subject import Subject

HOW: Final = (
    "Requests of real orders of the test window at every moment, answered at the bundle's thresholds. Beside it a "
    "plain rule: what was bought with something in the cart in three orders or more, at a lift of two or more, by "
    "confidence. Lift is size-corrected: orders with both products, over those expected from the sizes of the orders "
    "and from popularity."
)


def follow_on(subject: Subject) -> PageSection:
    """The bundle and the plain rule, with and without history."""
    question = "Does what is shown go with what is being bought?"
    result = subject.evaluation.follow_on
    if not result:
        nothing = Paragraph(subject.unmeasured or "It was not measured.", "warning")
        return PageSection("follow-on", "Does it follow on", question, [nothing])
    table = follow_on_table(result)
    told = [Paragraph(note, "note") for note in table.notes]
    return PageSection("follow-on", "Does it follow on", question, [Paragraph(HOW), as_block(table), *told])
