import { graphql } from "relay-runtime";

export const projects = graphql`
  fragment BoardProjects_workspace on Workspace
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" })
  @refetchable(queryName: "BoardProjectsPaginationQuery") {
    projects(first: $count, after: $cursor, orderBy: [{ field: NAME }]) @connection(key: "BoardProjects_projects") {
      edges {
        node {
          id
          name
          effectivePatterns(first: 3) {
            nodes {
              name
              scope
            }
          }
        }
      }
    }
  }
`;
