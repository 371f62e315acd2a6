-- convoy-graphql: the lock of those who count on notifications is taken by name. A function in this schema is one that Supabase's and
-- other REST servers offer to everybody, on connections that they keep.
drop function public.count_on_notifications();
drop function public.do_without_notifications();
