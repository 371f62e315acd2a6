"""The workspace of a team that builds shared memory for people and agents."""

from __future__ import annotations

from convoy_graphql.demo import knowledge
from convoy_graphql.demo.story import Workspace
from convoy_graphql.demo.story_dashboard import MEMORY_DASHBOARD
from convoy_graphql.demo.story_gateway import AGENT_GATEWAY
from convoy_graphql.demo.story_graph_api import GRAPH_API

CONVOY = Workspace(
    "convoy",
    "Convoy",
    "The team behind Convoy: the memory that people and agents share while they build software together.",
    {"mira": "owner", "jonas": "admin", "priya": "member", "scout": "member", "quill": "member", "auditor": "viewer"},
    (GRAPH_API, AGENT_GATEWAY, MEMORY_DASHBOARD),
    patterns=knowledge.CONVOY_PATTERNS,
    practices=knowledge.CONVOY_PRACTICES,
)
