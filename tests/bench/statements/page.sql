-- $1: the status, $2: the pattern that the title is like
-- 66adf5bc is the API's name of the order (updatedAt descending, then id), which its cursors begin with.
with page as materialized (
    select task.id, task.title, task.status, task.updated_at, task.milestone_id
      from tasks as task
     where task.status = $1 and task.title ilike $2
     order by task.updated_at desc, task.id
     limit 51
)
select row_to_json(answer)
  from (
        select (
                select row_to_json(connection)
                  from (
                        select (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select page.id, page.title, page.status, page.updated_at as "updatedAt",
                                               (
                                                select row_to_json(above)
                                                  from (
                                                        select milestone.name
                                                          from milestones as milestone
                                                         where milestone.id = page.milestone_id
                                                       ) as above
                                               ) as milestone
                                          from page
                                         order by page.updated_at desc, page.id
                                         limit 50
                                       ) as node
                               ) as nodes,
                               (
                                select row_to_json(shown)
                                  from (
                                        select (select count(*) from page) > 50 as "hasNextPage",
                                               (
                                                select translate(
                                                           encode(convert_to(left(md5(keys.text), 8) || keys.text, 'UTF8'), 'base64'),
                                                           e'+/=\n',
                                                           '-_'
                                                       )
                                                  from (
                                                        select json_build_array('66adf5bc', page.updated_at, page.id)::text as text
                                                          from (
                                                                select page.updated_at, page.id
                                                                  from page
                                                                 order by page.updated_at desc, page.id
                                                                 limit 50
                                                               ) as page
                                                         order by page.updated_at, page.id desc
                                                         limit 1
                                                       ) as keys
                                               ) as "endCursor"
                                       ) as shown
                               ) as "pageInfo"
                       ) as connection
               ) as tasks
       ) as answer;
