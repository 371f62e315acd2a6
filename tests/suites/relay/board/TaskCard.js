import { graphql } from "relay-runtime";

// Refetched by its id, through node(id).
export const card = graphql`
  fragment TaskCard_task on Task @refetchable(queryName: "TaskCardRefetchQuery") {
    id
    title
    status
    updatedAt
    isReady
    claim {
      actorId
      expiresAt
    }
    blockedBy(first: 1) {
      totalCount
    }
    ...TaskSubtasks_task
  }
`;

export const subtasks = graphql`
  query TaskCardSubtasksQuery($task: ID!) {
    task(id: $task) {
      ...TaskSubtasks_task
    }
  }
`;
