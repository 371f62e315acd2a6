"""What each of the seven entities can be created from and changed to, and how its row then answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from changing import Home


@dataclass(frozen=True)
class Specimen:
    """`least` is all that a new row needs, `most` all that it can have, `other` another value for all that can change."""

    type: str
    least: dict[str, Any]
    most: dict[str, Any]
    other: dict[str, Any]
    #: What a row of `least` shows in the place of what was left out, where that is not null.
    defaults: dict[str, Any]

    @property
    def field(self) -> str:
        return self.type[0].lower() + self.type[1:]

    @property
    def fields(self) -> list[str]:
        """As they are read: workflow stages have another name there."""
        return [*self.most]

    def row(self, *fields: str) -> str:
        """The selection of the row in a payload."""
        return f"{self.field} {{ id {' '.join(self.read(name) for name in fields or self.fields)} }}"

    def read(self, name: str) -> str:
        return "stages: rawStages" if (self.type, name) == ("Workflow", "stages") else name


def specimens(home: Home) -> dict[str, Specimen]:
    code, rule = {"code": "await drive(pile)"}, {"rule": "Drive one pile at a time."}
    made = [
        Specimen(
            "Workspace",
            {"name": "Dock"},
            {"name": "Dock", "description": "Dry"},
            {"name": "Quay", "description": "Wet"},
            {},
        ),
        Specimen(
            "Project",
            {"workspaceId": home.workspace, "name": "Crane"},
            {
                "workspaceId": home.workspace,
                "name": "Crane",
                "description": "Lifts",
                "overview": "# Lifts",
                "techStack": {"language": "Python", "tests": ["pytest"]},
                "status": "ON_HOLD",
            },
            {
                "name": "Hoist",
                "description": "Hoists",
                "overview": "# Hoists",
                "techStack": {"language": "SQL"},
                "status": "DONE",
            },
            {"status": "ACTIVE"},
        ),
        Specimen(
            "Milestone",
            {"projectId": home.project, "name": "Footing"},
            {
                "projectId": home.project,
                "name": "Footing",
                "description": "Stands",
                "requirements": "- stand",
                "status": "IN_PROGRESS",
                "targetDate": "2027-03-01T12:00:00.000001+00:00",
            },
            {
                "name": "Boom",
                "description": "Swings",
                "requirements": "- swing",
                "status": "COMPLETED",
                "targetDate": "2027-04-01T12:00:00+00:00",
            },
            {"status": "PLANNED"},
        ),
        Specimen(
            "Task",
            {"milestoneId": home.milestone, "title": "Weld"},
            {
                "milestoneId": home.milestone,
                "parentTaskId": home.task,
                "title": "Weld",
                "description": "Hot",
                "currentStage": "BUILD",
                "status": "IN_PROGRESS",
                "workflowId": home.workflow,
            },
            {"title": "Rivet", "description": "Cold", "status": "BLOCKED", "workflowId": None},
            # There is no default workflow here: the column's own default.
            {"status": "TODO", "currentStage": "PLAN"},
        ),
        Specimen(
            "Workflow",
            {"name": "Fast", "stages": ["GO"]},
            {"name": "Fast", "description": "For the bold", "stages": ["GO"]},
            {"name": "Slow", "description": "For the wise", "stages": {"stages": [{"name": "THINK"}, {"name": "GO"}]}},
            {},
        ),
        Specimen(
            "Pattern",
            {"name": "Pile", "patternType": "CODE", "content": code},
            {
                "workspaceId": home.workspace,
                "name": "Pile",
                "description": "Deep",
                "patternType": "CODE",
                "content": code,
            },
            {
                "workspaceId": None,
                "projectId": home.project,
                "name": "Raft",
                "description": "Wide",
                "patternType": "Any other",
                "content": {"anything": 1},
            },
            {},
        ),
        Specimen(
            "BestPractice",
            {"name": "One", "category": "TESTING", "content": rule},
            {"projectId": home.project, "name": "One", "description": "By one", "category": "TESTING", "content": rule},
            {
                "projectId": None,
                "workspaceId": home.workspace,
                "name": "All",
                "description": "At once",
                "category": "Any other",
                "content": {"anything": [1]},
            },
            {},
        ),
    ]
    return {specimen.type: specimen for specimen in made}
