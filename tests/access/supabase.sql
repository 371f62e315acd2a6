-- What a new Supabase project has, as far as it matters to us, told by github.com/supabase/postgres (migrations/db). Run as
-- supabase_admin, a superuser, who is the bootstrap user there. Nobody else is one: not postgres, who runs the SQL editor.
create role postgres nosuperuser createdb createrole login replication bypassrls;
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator noinherit login;
grant anon, authenticated, service_role to authenticator;

create database project owner postgres;
\connect project

do $$
begin
    -- From PostgreSQL 16 on, to create roles is not enough to grant those of others.
    if current_setting('server_version_num')::int >= 160000 then
        grant anon, authenticated, service_role to postgres with admin option;
    end if;
    create schema extensions;
    grant usage, create on schema extensions to postgres;
    grant usage on schema extensions to anon, authenticated, service_role;
    -- The embedded PostgreSQL has no contrib modules.
    if exists (select from pg_available_extensions where name = 'uuid-ossp') then
        create extension "uuid-ossp" with schema extensions;
    end if;
end $$;

-- Whatever postgres creates, the roles of the API may do everything with, but for row-level security.
grant usage on schema public to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on sequences to postgres, anon, authenticated, service_role;
alter role postgres set search_path = "$user", public, extensions;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';

create schema auth;
create table auth.users (id uuid primary key, email varchar(255) unique);
create function auth.uid() returns uuid language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
$$;
grant usage on schema auth to postgres, anon, authenticated, service_role;
grant all on auth.users to postgres;
