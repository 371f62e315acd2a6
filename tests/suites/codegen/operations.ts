// Operations as a TypeScript program has them: what they take and give is typed by the schema, scalars included.
import { graphql } from "./generated/gql";

export const Card = graphql(`
  fragment Card on Task {
    id
    title
    status
    updatedAt
    isReady
    claim {
      actorId
      expiresAt
    }
  }
`);

export const Problem = graphql(`
  fragment Problem on UserError {
    __typename
    code
    field
    message
    ... on ConflictError {
      current {
        __typename
        ... on Task {
          ...Card
        }
      }
    }
    ... on DependencyCycleError {
      path
    }
    ... on StageTransitionError {
      reason
      from
      to
      allowed
    }
  }
`);

export const Tree = graphql(`
  query Tree($id: ID!, $first: Int = 50, $status: String, $since: DateTime) {
    workspace(id: $id) {
      name
      projects(orderBy: [{ field: NAME }]) {
        totalCount
        nodes {
          name
          techStack
          milestones(first: $first, filter: { updatedAt: { gte: $since } }) {
            pageInfo {
              hasNextPage
              endCursor
            }
            nodes {
              name
              targetDate
              tasks(first: $first, filter: { status: { eq: $status } }) {
                nodes {
                  ...Card
                  dependencies {
                    nodes {
                      title
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
`);

export const Context = graphql(`
  query Context($task: ID!) {
    task(id: $task) {
      ...Card
      currentStageDefinition {
        name
        isCheckpoint
      }
      ancestors {
        title
      }
      activities(last: 10) {
        edges {
          cursor
          node {
            activityType
            createdAt
            details
          }
        }
      }
      effectivePatterns {
        nodes {
          name
          scope
          content
        }
      }
    }
  }
`);

export const AnyRow = graphql(`
  query AnyRow($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Project {
        name
      }
      ... on Task {
        title
      }
    }
  }
`);

export const Poll = graphql(`
  query Poll($after: String, $filter: ActivityFeedFilter) {
    activityFeed(after: $after, first: 100, filter: $filter) {
      events {
        cursor
        activity {
          activityType
          task {
            title
          }
        }
      }
      cursor
      hasMore
      discontinuity {
        reason
        message
      }
    }
  }
`);

export const Create = graphql(`
  mutation Create($input: CreateTaskInput!) {
    createTask(input: $input) {
      task {
        ...Card
      }
      errors {
        ...Problem
      }
      replayed
    }
  }
`);

export const Move = graphql(`
  mutation Move($input: TransitionTaskStageInput!) {
    transitionTaskStage(input: $input) {
      task {
        currentStage
      }
      activities {
        activityType
        details
      }
      errors {
        ...Problem
      }
    }
  }
`);

export const Import = graphql(`
  mutation Import($input: ImportMilestoneInput!) {
    importMilestone(input: $input) {
      createdCount
      results {
        index
        task {
          id
        }
        errors {
          ...Problem
        }
      }
    }
  }
`);

export const Follow = graphql(`
  subscription Follow($filter: ActivityFeedFilter, $after: String) {
    activityAdded(filter: $filter, after: $after) {
      __typename
      ... on Ready {
        cursor
      }
      ... on ActivityAdded {
        cursor
        activity {
          activityType
          details
        }
      }
      ... on Discontinuity {
        cursor
        reason
      }
    }
  }
`);
