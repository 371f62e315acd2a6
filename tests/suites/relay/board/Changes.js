// Changes that put their rows into the lists on the page, and take them out of these.
import { graphql } from "relay-runtime";

export const problems = graphql`
  fragment Changes_problems on UserError {
    __typename
    code
    field
    message
    ... on ConflictError {
      current {
        ...TaskCard_task @alias(as: "task")
      }
    }
  }
`;

export const create = graphql`
  mutation ChangesCreateMutation($input: CreateTaskInput!, $connections: [ID!]!) {
    createTask(input: $input) {
      task @appendNode(connections: $connections, edgeTypeName: "TaskEdge") {
        id
        title
        ...TaskCard_task
      }
      errors {
        ...Changes_problems
      }
    }
  }
`;

export const update = graphql`
  mutation ChangesUpdateMutation($input: UpdateTaskInput!) {
    updateTask(input: $input) {
      task {
        ...TaskCard_task
      }
      errors {
        ...Changes_problems
      }
    }
  }
`;

export const remove = graphql`
  mutation ChangesDeleteMutation($input: DeleteTaskInput!, $connections: [ID!]!) {
    deleteTask(input: $input) {
      deletedId @deleteEdge(connections: $connections)
      errors {
        ...Changes_problems
      }
    }
  }
`;

export const follow = graphql`
  subscription ChangesFollowSubscription($filter: TaskChangeFilter, $after: String) {
    taskChanged(filter: $filter, after: $after) {
      __typename
      ... on Ready {
        cursor
      }
      ... on TaskChanged {
        cursor
        kind
        taskId
        task {
          ...TaskCard_task
        }
      }
      ... on Discontinuity {
        cursor
        message
      }
    }
  }
`;
