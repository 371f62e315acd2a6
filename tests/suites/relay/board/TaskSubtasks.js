import { graphql } from "relay-runtime";

export const subtasks = graphql`
  fragment TaskSubtasks_task on Task
  @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" })
  @refetchable(queryName: "TaskSubtasksPaginationQuery") {
    subtasks(first: $count, after: $cursor) @connection(key: "TaskSubtasks_subtasks") {
      __id
      edges {
        node {
          id
          title
        }
      }
    }
  }
`;

export const backwards = graphql`
  fragment TaskSubtasks_history on Task
  @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" })
  @refetchable(queryName: "TaskSubtasksHistoryQuery") {
    activities(last: $count, before: $cursor) @connection(key: "TaskSubtasks_activities") {
      edges {
        node {
          activityType
          createdAt
          details
        }
      }
    }
  }
`;

export const page = graphql`
  query TaskSubtasksPageQuery($task: ID!) {
    node(id: $task) {
      __typename
      ...TaskSubtasks_history @alias(as: "history")
    }
  }
`;
