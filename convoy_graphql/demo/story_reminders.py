"""Patient reminders: the second project of the workspace in `story_larkfield`."""

from __future__ import annotations

from convoy_graphql.demo.story import (
    CANCELLED,
    DONE,
    TODO,
    Milestone,
    Project,
    Task,
    edits,
    moves,
    says,
)

TEXTS = Milestone(
    "texts",
    "Reminders that are read",
    "COMPLETED",
    -95,
    -68,
    "Fewer missed appointments: from 9 % to under 5 %.",
    "Two days before and on the morning. Every reminder can be answered.",
    "bruno",
    (
        Task(
            "texts-wording",
            "Try four wordings against each other",
            DONE,
            "Four weeks, 3,200 reminders. The winner begins with the practitioner's name.",
            "mio",
            workflow="decision",
            log=(says("mio", "Missed appointments: 4.4 % with the name first, 7.1 % with the old text."),),
        ),
        Task(
            "texts-answer",
            "Understand the answers of patients",
            DONE,
            "*yes*, *ok*, *coming*, 👍 are a yes. What is not understood goes to reception, never into a bin.",
            "fennel",
            needs=("texts-wording",),
        ),
        Task("texts-quiet", "Send nothing between 20 and 8 o'clock", DONE, "By the patient's own time zone.", "fennel"),
        Task(
            "texts-bounce",
            "Notice numbers that no longer work",
            DONE,
            "Two failures in a row put a note on the patient's record for reception.",
            "fennel",
            needs=("texts-answer",),
        ),
        Task(
            "texts-cost",
            "Prefer the app's message over a paid text",
            CANCELLED,
            "The app reaches 12 % of the patients, and those read texts as well.",
            "bruno",
        ),
        Task(
            "texts-twice",
            "Patients at Hillside got every reminder twice",
            DONE,
            "Since the update of Monday. 140 patients, 22 calls to reception.",
            workflow="incident",
            log=(
                moves("bruno", "MITIGATE"),
                says("bruno", "The second worker is stopped. Reminders go out once again."),
                moves("fennel", "FIX"),
                says(
                    "fennel",
                    "Both workers took the same row: the claim and the sending were two transactions. Now the row is claimed first, with a key that the provider folds.",
                ),
                moves("fennel", "VERIFY"),
                moves("hanna", "LEARN"),
                says("hanna", "We had no alarm for *more* messages than appointments. Added."),
                moves("hanna", "COMPLETE"),
                edits("hanna", "status", "completion_date"),
            ),
        ),
    ),
)

FOLLOW_UP = Milestone(
    "follow-up",
    "Follow-ups without phone calls",
    "PLANNED",
    -60,
    None,
    "On hold with the project, until online booking is open in all clinics.",
    None,
    "bruno",
    (
        Task(
            "follow-interval",
            "Suggest the next visit by the kind of treatment",
            TODO,
            "Dental hygiene after six months, a skin check after a year. The practitioner can change it for one patient.",
            "dr-osei",
        ),
        Task(
            "follow-book",
            "Book the next visit from the reminder",
            TODO,
            "One tap opens the booking with reason and practitioner filled in.",
            "mio",
            needs=("follow-interval", "online-rollout"),
        ),
        Task(
            "follow-letters",
            "Print letters for those without a phone",
            TODO,
            "6 % of the patients, most of them over eighty, and nobody is forgotten because of that.",
            "bruno",
            needs=("follow-interval",),
        ),
        Task(
            "follow-stop",
            "Let patients end their reminders",
            TODO,
            "One word as an answer is enough, and it holds for all clinics.",
            "fennel",
        ),
    ),
)


REMINDERS = Project(
    "reminders",
    "Patient Reminders",
    "Messages before and after a visit. Resting until online booking is open everywhere.",
    "# Patient Reminders\n\nMissed appointments went from 9 % to 4.4 %. Follow-ups are planned, and wait for online booking.",
    None,
    (TEXTS, FOLLOW_UP),
    status="ON_HOLD",
)
