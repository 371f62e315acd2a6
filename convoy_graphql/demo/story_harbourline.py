"""A logistics company's workspace: where is the container, and why does it stand at the border?"""

from __future__ import annotations

from convoy_graphql.demo import knowledge
from convoy_graphql.demo.story import (
    BLOCKED,
    CANCELLED,
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
from convoy_graphql.demo.story_customs import CUSTOMS

ETA_PLAN = """\
# A better estimate of arrival

Carriers announce an arrival once, at departure, and are right within six hours for 54 % of the voyages.

## Inputs

| input | source | age |
|---|---|---|
| position | AIS, every 3 minutes at sea | < 10 min |
| queue at the berth | port authority | 1 h |
| past voyages | our own events, 4 years | nightly |

## Steps

1. Great-circle distance left, along the lane and not across land.
2. Speed over the last six hours, not the announced one.
3. Waiting time at the berth, by weekday.

```python
def hours_left(distance_nm: float, speed_kn: float, queue_h: float) -> float:
    if speed_kn < 0.5:
        return float("inf")
    return distance_nm / speed_kn + queue_h
```

## Done when

Within six hours for 80 % of the voyages, measured on last year's, 48 hours before arrival.
"""

EVENTS = Milestone(
    "events",
    "One timeline for every container",
    "COMPLETED",
    -85,
    -50,
    "Eleven carriers, eleven formats, one timeline that a customer can read.",
    "- Gate in, loaded, departed, transshipped, arrived, discharged, gate out\n- Local time of the place *and* UTC\n- An event that a carrier takes back disappears from the timeline, but not from the log",
    "tomas",
    (
        Task(
            "carrier-formats",
            "Read the event formats of the eleven carriers",
            DONE,
            "Seven send EDIFACT, three JSON, one a spreadsheet by mail at 6 in the morning.",
            "tomas",
        ),
        Task(
            "event-model",
            "Define the seven events of a container's journey",
            DONE,
            "Small enough that a customer understands each, rich enough that customs does too.",
            "ingrid",
            needs=("carrier-formats",),
        ),
        Task(
            "event-order",
            "Order events by what happened, not by when we heard of it",
            DONE,
            "Messages arrive late and out of order. The timeline is ordered by the event's own time; the log keeps when we received it.",
            needs=("event-model",),
            log=(
                moves("rigger", "REVIEW_PLAN"),
                says("ingrid", "Two carriers send local time without a zone. Which zone do you take?"),
                moves("ingrid", "PLAN"),
                says(
                    "rigger",
                    "The zone of the port in the event, from the UN/LOCODE list. 14 ports have no entry; they are listed in the plan now.",
                ),
                edits("rigger", "description"),
                moves("rigger", "REVIEW_PLAN"),
                moves("ingrid", "IMPLEMENT"),
                moves("rigger", "REVIEW"),
                says(
                    "tomas",
                    "Checked against 30 journeys by hand. Rotterdam on the night of the clock change is right, too.",
                ),
                moves("tomas", "DOCUMENT"),
                moves("rigger", "COMPLETE"),
                edits("rigger", "status", "completion_date"),
            ),
        ),
        Task(
            "event-dedupe",
            "Recognise the same event from two sources",
            DONE,
            "Carrier and port both report a discharge, up to 40 minutes apart.",
            "rigger",
            needs=("event-order",),
        ),
        Task(
            "event-gaps",
            "Show where events are missing",
            DONE,
            "A container cannot arrive before it departed. A grey line says *we do not know*, and since when.",
            "ayo",
            needs=("event-order",),
        ),
        Task("event-revoke", "Let a carrier take an event back", DONE, None, "ayo", needs=("event-order",)),
        Task(
            "timeline-page",
            "Show the timeline to customers",
            DONE,
            "One page that opens on a phone in a yard with one bar of signal: 60 KB, no spinner.",
            "ayo",
            needs=("event-dedupe", "event-revoke"),
            subtasks=(
                Task(
                    "timeline-map",
                    "Draw the lane on a small map",
                    CANCELLED,
                    "400 KB for a picture that nobody asked for in the interviews.",
                    "ayo",
                ),
                Task("timeline-print", "Make the timeline print on one page", DONE, "Drivers carry paper.", "ayo"),
            ),
        ),
    ),
)

ETA = Milestone(
    "eta",
    "Arrival times that customers plan with",
    "IN_PROGRESS",
    -49,
    9,
    "From the carrier's promise to our own estimate, with an honest range.",
    "Within six hours for 80 % of the voyages, 48 hours before arrival. A range is shown, never a single minute.",
    "ingrid",
    (
        Task(
            "eta-baseline",
            "Measure how wrong the carriers' estimates are",
            DONE,
            "2,140 voyages of last year. By carrier, by lane, by days before arrival.",
            "rigger",
            workflow="decision",
            log=(
                says("rigger", "54 % within six hours. The worst lane is 31 %, and it is our second largest."),
                says("ingrid", "Then the lane matters more than the carrier. Decided: estimate by lane."),
            ),
        ),
        Task(
            "eta-positions",
            "Take ship positions every three minutes",
            DONE,
            "AIS by the vessel's IMO number. Drop positions that would need more than 40 knots.",
            "tomas",
        ),
        Task(
            "eta-model",
            "Estimate the hours left from position and queue",
            IN_REVIEW,
            ETA_PLAN,
            needs=("eta-baseline", "eta-positions"),
            log=(
                edits("ingrid", "description"),
                moves("rigger", "REVIEW_PLAN"),
                moves("ingrid", "IMPLEMENT"),
                waits_for("rigger", "event-order"),
                says("rigger", "76 % on last year's voyages. The misses are ships that wait outside before a weekend."),
                lets_go_of("rigger", "event-order"),
                moves("rigger", "REVIEW"),
                says(
                    "ingrid",
                    "Do not tune it on the same year that you measure on. Take the year before for the waiting times.",
                ),
                moves("ingrid", "IMPLEMENT"),
                says("rigger", "Separated. 79 %, and honest this time."),
                edits("rigger", "description"),
                moves("rigger", "REVIEW"),
            ),
            subtasks=(
                Task(
                    "eta-lanes",
                    "Measure distance along the lane, not across land",
                    DONE,
                    "Hamburg to Gothenburg goes around Denmark.",
                    "rigger",
                ),
                Task(
                    "eta-queue",
                    "Learn the waiting time by port and weekday",
                    IN_REVIEW,
                    "A median of the last 12 weeks beats everything clever that we tried.",
                    "rigger",
                    needs=("eta-lanes",),
                ),
            ),
        ),
        Task(
            "eta-range",
            "Show a range instead of a minute",
            BLOCKED,
            "*Thursday between 6 and 14* is useful; *Thursday 9:47* is a lie.",
            "ayo",
            needs=("eta-model",),
        ),
        Task(
            "eta-canals",
            "Add the waiting time at canals and locks",
            IN_PROGRESS,
            "Kiel, 7 hours at worst; Panama, days.",
            "rigger",
            needs=("eta-lanes",),
            claimed_by="rigger",
        ),
        Task(
            "eta-alerts",
            "Tell customers when an arrival moves by half a day",
            TODO,
            "Once per shift of twelve hours, not with every position.",
            "ayo",
            needs=("eta-range",),
            log=(says("lena", "Customer service gets 60 calls a week with exactly this question."),),
        ),
        Task(
            "eta-explain",
            "Say why an arrival moved",
            TODO,
            "Weather, queue, detour or unknown. *Unknown* is allowed.",
            "ayo",
            needs=("eta-model",),
        ),
        Task(
            "eta-yard",
            "Feed the yard's slot planning with the range",
            TODO,
            "The yard books slots of two hours, 36 hours ahead.",
            "tomas",
            needs=("eta-range",),
        ),
        Task(
            "eta-review",
            "Compare estimate and arrival every Monday",
            TODO,
            None,
            "rigger",
            needs=("eta-alerts", "eta-yard"),
        ),
    ),
)

OUTAGE = Milestone(
    "january",
    "Quiet nights in January",
    "IN_PROGRESS",
    -11.9,
    18,
    "After the outage before the holidays: find what can wake somebody up, and remove it.",
    None,
    "tomas",
    (
        Task(
            "outage-positions",
            "Positions stopped for three hours on 18 December",
            IN_REVIEW,
            "From 02:10 to 05:25 UTC no position was stored. Estimates stood still for 212 voyages; nobody was paged.",
            workflow="incident",
            log=(
                says("lena", "Two customers asked why their ship does not move. It does."),
                moves("tomas", "MITIGATE"),
                says(
                    "tomas",
                    "Restarted the reader; it is catching up from the provider's buffer. No positions are lost.",
                ),
                moves("rigger", "FIX"),
                says(
                    "rigger",
                    "The provider answered with an empty page and status 200. The reader took that for *no news* and moved its cursor to the end.",
                ),
                edits("rigger", "description"),
                moves("rigger", "VERIFY"),
                says(
                    "ingrid", "It has held for a day, but an empty page at the *first* request still moves the cursor."
                ),
                moves("ingrid", "FIX"),
                says("rigger", "Fixed with a test for both. The cursor only ever moves to a position that was stored."),
                moves("rigger", "VERIFY"),
            ),
        ),
        Task(
            "outage-silence",
            "Page somebody when a source falls silent",
            IN_PROGRESS,
            "Silence is relative: three minutes for positions, a day for the carrier with the spreadsheet.",
            "tomas",
            log=(says("tomas", "Each source now has a rhythm, learned from its last month."),),
        ),
        Task(
            "outage-empty",
            "Treat an empty page as no answer",
            DONE,
            "In all four readers, not only in the one that failed.",
            "rigger",
        ),
        Task(
            "outage-replay",
            "Replay a source from any point in time",
            TODO,
            "Raw messages are kept for 90 days. A replay must change nothing when nothing was lost.",
            "rigger",
            needs=("event-dedupe", "outage-silence"),
        ),
        Task(
            "outage-status",
            "Tell customers by themselves when positions are old",
            TODO,
            "Above the map, with the time of the last position.",
            "ayo",
            needs=("outage-silence",),
        ),
        Task(
            "outage-runbook",
            "Write the runbook for the night shift",
            TODO,
            "Three pages at most. The first line says how to see whether customers are affected.",
            "lena",
            needs=("outage-silence",),
        ),
    ),
)

HARBOURLINE = Workspace(
    "harbourline",
    "Harbourline Freight",
    "Container logistics between 40 ports: tracking for customers, papers for customs.",
    {"ingrid": "owner", "tomas": "admin", "ayo": "member", "lena": "member", "rigger": "member"},
    (
        Project(
            "tracking",
            "Container Tracking",
            "Where every container is, where it was, and when it will arrive.",
            "# Container Tracking\n\nCustomers ask three questions: *where is it, when does it arrive, why is it late?* One timeline answers the first, an estimate of our own the second, and the events' reasons the third.\n\n## Sizes\n\n- 11 carriers, 40 ports, 212 voyages on an average day\n- 1.4 million events a year",
            {
                "language": "Python 3.12",
                "database": "PostgreSQL 16 + PostGIS",
                "queue": "pgqueuer",
                "frontend": {"framework": "HTMX", "map": None},
            },
            (EVENTS, ETA, OUTAGE),
            patterns=knowledge.TRACKING_PATTERNS,
            practices=knowledge.TRACKING_PRACTICES,
        ),
        CUSTOMS,
    ),
    patterns=knowledge.HARBOURLINE_PATTERNS,
    practices=knowledge.HARBOURLINE_PRACTICES,
)
