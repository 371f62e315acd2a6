// A board as a page of Relay's has it: the milestones of a workspace's projects, their tasks by page, and a card for each.
import { graphql } from "relay-runtime";

export const query = graphql`
  query BoardQuery($workspace: ID!, $count: Int = 10, $cursor: String) {
    viewer {
      userId
      memberships {
        role
      }
    }
    workspace(id: $workspace) {
      name
      ...BoardProjects_workspace
    }
    tasks(first: $count, after: $cursor, filter: { isReady: { eq: true } }) @connection(key: "Board_tasks") {
      totalCount
      edges {
        node {
          ...TaskCard_task
        }
      }
    }
  }
`;
