"""Customs paperwork: the second project of the workspace in `story_harbourline`."""

from __future__ import annotations

from convoy_graphql.demo.story import (
    CANCELLED,
    DONE,
    Milestone,
    Project,
    Task,
    edits,
    moves,
    says,
    waits_for,
)

FORMS = Milestone(
    "forms",
    "Declarations from our own data",
    "COMPLETED",
    -140,
    -104,
    "Nobody types a container number twice.",
    "Export and import declarations are filled from the shipment. What is missing is asked for once.",
    None,
    (
        Task(
            "forms-fields",
            "Map shipment data to the declaration's 54 boxes",
            DONE,
            "38 come from the shipment, 9 from the customer's profile, 7 have to be asked for.",
            "lena",
        ),
        Task(
            "forms-codes",
            "Suggest the tariff code from the goods' description",
            DONE,
            "Three suggestions with their share of past declarations. A person chooses.",
            "rigger",
            needs=("forms-fields",),
            log=(
                says(
                    "lena",
                    "The first suggestion is right in 83 of 100. I would never have found *7326 90 98* for shelf brackets.",
                ),
            ),
        ),
        Task(
            "forms-validate",
            "Check a declaration before it is sent",
            DONE,
            "Every rule of the authority that can be checked offline: 212 of 240.",
            "tomas",
            needs=("forms-fields",),
        ),
        Task(
            "forms-weights",
            "Convert gross and net weights without rounding twice",
            DONE,
            "Kilograms with three decimals inside, rounded once, on the form.",
            "ayo",
            needs=("forms-fields",),
        ),
        Task(
            "forms-origin",
            "Ask for the certificate of origin in time",
            DONE,
            "Three days before departure, with an upload link that needs no account.",
            "lena",
            needs=("forms-fields",),
        ),
        Task(
            "forms-send",
            "Send declarations and keep the receipt",
            DONE,
            None,
            "tomas",
            needs=("forms-validate", "forms-codes"),
        ),
    ),
)

ANSWERS = Milestone(
    "answers",
    "Answers from the authority",
    "COMPLETED",
    -103,
    -70,
    "Released, held, inspected: known within a minute, with the reason in plain words.",
    "- Every answer code has a sentence for customers.\n- A hold names the document that is missing.",
    "lena",
    (
        Task(
            "answers-codes",
            "Write a plain sentence for each answer code",
            DONE,
            "116 codes. *Held: the certificate of origin is missing* instead of *C0511*.",
            "lena",
        ),
        Task(
            "answers-poll",
            "Fetch answers every minute without being throttled",
            DONE,
            "One request for all open declarations, with a jitter of ten seconds.",
            "tomas",
        ),
        Task(
            "answers-holds",
            "Open a task for the clerk when a container is held",
            DONE,
            "A hold that nobody sees costs 90 a day. The task names the missing document and who has it.",
            needs=("answers-codes", "answers-poll"),
            log=(
                moves("ayo", "REVIEW_PLAN"),
                says("lena", "Not a task for each container, please: one declaration can hold 14 of them."),
                moves("lena", "PLAN"),
                edits("ayo", "description"),
                waits_for("ayo", "answers-poll"),
                moves("ayo", "REVIEW_PLAN"),
                says("lena", "One per declaration, with its containers listed. Good."),
                moves("lena", "IMPLEMENT"),
                moves("ayo", "REVIEW"),
                moves("lena", "DOCUMENT"),
                moves("ayo", "COMPLETE"),
                says("lena", "The first week: 31 holds, all seen within the hour."),
                edits("ayo", "status", "completion_date"),
            ),
        ),
        Task(
            "answers-digest",
            "Send the desk a digest at seven",
            DONE,
            "Open holds by age, the oldest first.",
            "lena",
            needs=("answers-holds",),
        ),
        Task(
            "answers-inspect",
            "Book the inspection slot from the hold",
            CANCELLED,
            "The port's booking system has no interface before summer.",
            "ayo",
        ),
    ),
)

HANDOVER = Milestone(
    "handover",
    "Hand over to the customs desk",
    "COMPLETED",
    -69,
    -55,
    "The desk runs it alone.",
    None,
    "ingrid",
    (
        Task(
            "handover-training",
            "Train the six clerks of the desk",
            DONE,
            "Two mornings, with last month's real declarations.",
            "lena",
        ),
        Task("handover-rights", "Let the desk change code suggestions itself", DONE, None, "tomas"),
        Task(
            "handover-videos",
            "Record the five things that go wrong",
            DONE,
            "Two minutes each, on the desk's own screens.",
            "lena",
            needs=("handover-training",),
        ),
        Task(
            "handover-stop",
            "Switch the old forms program off",
            DONE,
            "Read-only for a quarter first. Nobody opened it after the second week.",
            "tomas",
            needs=("handover-training", "handover-rights"),
        ),
    ),
)


CUSTOMS = Project(
    "customs",
    "Customs Paperwork",
    "Declarations that fill themselves, and answers that people understand.",
    "# Customs Paperwork\n\nFinished in autumn. The customs desk runs it and changes the code suggestions itself; we keep the validator up to date, twice a year.",
    {"language": "Python 3.12", "database": "PostgreSQL 16", "formats": ["UN/EDIFACT CUSDEC", "XML"]},
    (FORMS, ANSWERS, HANDOVER),
    status="COMPLETED",
)
