"""A group of clinics: appointments that fit, and reminders that are read."""

from __future__ import annotations

from convoy_graphql.demo import knowledge
from convoy_graphql.demo.story import (
    BLOCKED,
    DONE,
    IN_PROGRESS,
    IN_REVIEW,
    TODO,
    Milestone,
    Project,
    Task,
    Workspace,
    edits,
    lets_go_of,
    moves,
    says,
    waits_for,
)
from convoy_graphql.demo.story_reminders import REMINDERS

SLOTS_PLAN = """\
# No appointment is given away twice

## What goes wrong today

Reception and the website read the same free slot and both write it. It happens some eleven times a month, always on Monday morning.

## The rule belongs into the database

```sql
alter table appointments
  add constraint one_patient_at_a_time
  exclude using gist (room_id with =, during with &&)
  where (status <> 'CANCELLED');
```

## What the person sees

The second one gets the three nearest free slots, not an error.

- [x] same practitioner
- [x] same day first
- [ ] neighbouring clinic, when the patient has said that it may be
"""

SLOTS = Milestone(
    "slots",
    "A slot belongs to one patient",
    "COMPLETED",
    -66,
    -38,
    "Double bookings become impossible, not rare.",
    "The database refuses the second booking. The person at the screen gets three alternatives within a second.",
    "dr-osei",
    (
        Task(
            "slots-model",
            "Describe rooms, people and devices as things that are occupied",
            DONE,
            "An ultrasound needs a room, a practitioner and the device, all three at once.",
            "hanna",
        ),
        Task(
            "slots-lengths",
            "Measure how long appointments really take",
            DONE,
            "Six weeks of doors opening and closing, no names in it.",
            "hanna",
            workflow="decision",
            log=(
                says("dr-osei", "A first visit takes 34 minutes, not 20. That explains our afternoons."),
                says("hanna", "Decided with all four clinics: 35 minutes for a first visit."),
            ),
        ),
        Task(
            "slots-exclusion",
            "Refuse overlapping appointments in the database",
            DONE,
            SLOTS_PLAN,
            needs=("slots-model",),
            log=(
                moves("fennel", "REVIEW_PLAN"),
                says(
                    "hanna", "Cancelled appointments have to free the room at once, or reception will never trust it."
                ),
                moves("hanna", "PLAN"),
                says(
                    "fennel",
                    "The constraint now leaves cancelled ones out. There is a test that cancels and books again in one minute.",
                ),
                edits("fennel", "description"),
                moves("fennel", "REVIEW_PLAN"),
                moves("hanna", "IMPLEMENT"),
                moves("fennel", "REVIEW"),
                says("bruno", "Forty bookings for one slot from two machines: one won, 39 got alternatives."),
                moves("bruno", "DOCUMENT"),
                moves("fennel", "COMPLETE"),
                edits("fennel", "status", "completion_date"),
            ),
            subtasks=(
                Task(
                    "slots-old",
                    "Resolve the overlaps that exist already",
                    DONE,
                    "57 in the next three months. Reception called each patient.",
                    "bruno",
                ),
                Task(
                    "slots-alternatives",
                    "Offer the three nearest free slots",
                    DONE,
                    "Same practitioner first, then the same day.",
                    "fennel",
                    needs=("slots-old",),
                ),
            ),
        ),
        Task(
            "slots-devices",
            "Book a device together with its room",
            DONE,
            "The ultrasound on wheels is in one building at a time; moving it takes 20 minutes.",
            "fennel",
            needs=("slots-exclusion",),
        ),
        Task(
            "slots-buffer",
            "Leave ten minutes after each third appointment",
            DONE,
            None,
            "hanna",
            needs=("slots-lengths", "slots-exclusion"),
        ),
        Task("slots-holidays", "Close days for all four clinics at once", DONE, None, "bruno", needs=("slots-model",)),
        Task(
            "slots-emergency",
            "Keep two slots a day for emergencies",
            DONE,
            "They open at 7 in the morning, and only reception can give them away.",
            "bruno",
            needs=("slots-exclusion",),
        ),
    ),
)

ONLINE = Milestone(
    "online",
    "Patients book by themselves",
    "IN_PROGRESS",
    -37,
    14,
    "Half of the appointments are made outside the hours in which somebody answers the phone.",
    "## For whom\n\nPeople of every age. The oldest tester is 84 and needed four minutes.\n\n## Rules\n\n- No account is needed for a first visit.\n- The reason for the visit is never part of a URL, a log line or a message.",
    "hanna",
    (
        Task(
            "online-flow",
            "Book in three steps: why, when, who",
            DONE,
            "*Why* decides how long and with whom; *when* shows only what is really free.",
            "mio",
            needs=("slots-alternatives",),
        ),
        Task(
            "online-words",
            "Use the patients' words for reasons of a visit",
            DONE,
            "*My knee hurts* instead of *orthopaedic consultation*. 46 phrases, from two weeks of phone calls.",
            "mio",
            needs=("online-flow",),
        ),
        Task(
            "online-privacy",
            "Keep the reason of a visit out of addresses and logs",
            IN_REVIEW,
            "The reason is health data. It travels in the body, is stored encrypted, and the access log must not have it.",
            needs=("online-flow",),
            log=(
                moves("fennel", "REVIEW_PLAN"),
                moves("dr-osei", "IMPLEMENT"),
                waits_for("fennel", "online-words"),
                says("fennel", "I thought that the phrases would change the storage. They do not."),
                lets_go_of("fennel", "online-words"),
                moves("fennel", "REVIEW"),
                says("bruno", "The error tracker still gets it: it attaches the form's values to each exception."),
                moves("bruno", "IMPLEMENT"),
                edits("fennel", "description"),
                says(
                    "fennel",
                    "Values are dropped before sending; a test raises inside the form and reads what would have left the house.",
                ),
                moves("fennel", "REVIEW"),
            ),
        ),
        Task(
            "online-hold",
            "Hold a slot while somebody fills in the form",
            DONE,
            "Eight minutes, shown as a quiet clock. When it ends, the typed text stays.",
            "fennel",
            needs=("online-flow",),
        ),
        Task(
            "online-readers",
            "Make the booking work with a screen reader",
            IN_PROGRESS,
            "The calendar grid is a table with headings; free slots are buttons that say day and time.",
            "mio",
            needs=("online-words",),
            log=(
                says(
                    "mio", "Tested with two patients. Both missed that a slot was gone when they came back to the page."
                ),
                says("fennel", "It is announced now, with the three alternatives."),
            ),
        ),
        Task(
            "online-languages",
            "Offer the booking in five languages",
            TODO,
            "Dates and times by the language, names of practitioners never translated.",
            "mio",
            needs=("online-words", "online-readers"),
        ),
        Task(
            "online-cancel",
            "Let patients cancel and move appointments",
            IN_PROGRESS,
            "From the link in the confirmation, until four hours before. A cancelled slot is free at once.",
            "mio",
            needs=("online-flow", "slots-exclusion"),
        ),
        Task(
            "online-phone",
            "Send the confirmation to phones without internet",
            BLOCKED,
            "By text message. Waits for the privacy review: the text must not name the specialty.",
            "bruno",
            needs=("online-privacy",),
        ),
        Task(
            "online-load",
            "Try a Monday morning: 200 people for 60 slots",
            TODO,
            "Sixty get a slot, the others get alternatives, nobody sees an error.",
            "fennel",
            needs=("online-hold", "online-cancel"),
        ),
        Task(
            "online-launch",
            "Open online booking at the Riverside clinic",
            TODO,
            "One clinic for four weeks, reception beside it.\n\n1. Staff book for themselves.\n2. Returning patients.\n3. Everybody.",
            "hanna",
            needs=("online-privacy", "online-readers"),
        ),
        Task(
            "online-rollout",
            "Open online booking at the other three clinics",
            TODO,
            None,
            "hanna",
            needs=("online-launch", "online-languages"),
        ),
    ),
)

WAITING = Milestone(
    "waiting",
    "Nobody waits for a free slot in vain",
    "PLANNED",
    -7,
    40,
    "A cancelled appointment finds its next patient within the hour.",
    "Ask in order of urgency, then of waiting. An offer holds for 20 minutes.",
    "hanna",
    (
        Task(
            "waiting-list",
            "Keep a waiting list per practitioner",
            TODO,
            "With days that suit the patient, and how much notice they need.",
            "bruno",
            needs=("slots-exclusion",),
        ),
        Task(
            "waiting-order",
            "Decide who is asked first",
            IN_PROGRESS,
            "Urgency as the practitioner set it, then time of waiting. What about those who never answer?",
            "dr-osei",
            workflow="decision",
            log=(says("dr-osei", "Two offers without an answer: to the end of the list, with a call from reception."),),
        ),
        Task(
            "waiting-offer",
            "Offer a freed slot for twenty minutes",
            TODO,
            "One patient at a time. The slot is held by the constraint like any other.",
            "fennel",
            needs=("waiting-list", "waiting-order"),
        ),
        Task(
            "waiting-consent",
            "Ask before offering by text message",
            TODO,
            "Once, with the reason; remembered for all clinics.",
            "bruno",
            needs=("waiting-list",),
        ),
        Task("waiting-report", "Show how long patients waited, by clinic", TODO, None, needs=("waiting-offer",)),
    ),
)

LARKFIELD = Workspace(
    "larkfield",
    "Larkfield Clinics",
    "Four clinics in one town: appointments that fit into the day, and reminders that people read.",
    {"hanna": "owner", "dr-osei": "admin", "bruno": "member", "mio": "member", "fennel": "member"},
    (
        Project(
            "scheduling",
            "Appointment Scheduling",
            "Who sees whom, when and where, in four clinics.",
            "# Appointment Scheduling\n\n800 appointments a day in four clinics, 61 rooms, 9 devices that are always in the wrong building.\n\n## What matters\n\n1. Nobody is booked twice.\n2. What a patient has is nobody else's business.\n3. Reception can always overrule the computer, and the computer says what that costs.",
            {
                "language": "Elixir",
                "database": "PostgreSQL 17",
                "frontend": "LiveView",
                "compliance": ["GDPR", "ISO 27001"],
            },
            (SLOTS, ONLINE, WAITING),
            patterns=knowledge.SCHEDULING_PATTERNS,
            practices=knowledge.SCHEDULING_PRACTICES,
        ),
        REMINDERS,
    ),
    patterns=knowledge.LARKFIELD_PATTERNS,
    practices=knowledge.LARKFIELD_PRACTICES,
)
