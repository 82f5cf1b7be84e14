-- The statements of `dml.rs`, in order, each run by our engine over our tables and by DuckDB over its own. The
-- first table that a statement names is the one that it changes.

-- Insert: values, other columns, other orders, queries.
insert into lake.ns.pets values
  (1, 'ant', 1, 1.50, date '2024-01-01', timestamp '2024-01-01 10:00:00', true,
   named_struct('name', 'Ada', 'age', 10), ['a', 'b']),
  (2, 'bee', 2, 2.25, date '2024-01-02', timestamp '2024-01-02 23:59:59.123456', false,
   named_struct('name', 'Bob', 'age', null), ['c']),
  (3, null, 3, null, null, null, null, null, null),
  (4, 'a b/c=%', null, 0.01, date '1969-12-31', timestamp '1969-12-31 00:00:00', true,
   named_struct('name', null, 'age', 40), [null, 'd']),
  (5, 'ключ', 5, -5.00, date '2024-02-29', timestamp '2024-02-29 12:00:00', null,
   named_struct('name', 'it''s', 'age', 50), ['e']),
  (6, 'ant', 6, 99999999.99, date '9999-12-31', timestamp '2200-01-01 00:00:00', false, null, null);
insert into lake.ns.pets (n, id, kind) values (20, 9, 'bee'), (null, 10, 'cow');
insert into lake.ns.pets (kind, id) values ('dog', 11), (null, 12);
insert into lake.ns.news values (1, 'ant', 100, false), (2, 'bee', 200, true), (3, 'cow', null, false),
  (50, 'new', 500, false), (51, null, 510, false), (52, 'gone', 520, true), (null, 'none', 1, false);
insert into lake.ns.pets (kind, id) select kind, id + 100 from lake.ns.pets where n is not null;
insert into lake.ns.pets (id, n, kind) select x.id + 200, x.n, p.kind from lake.ns.news x
  join lake.ns.pets p on x.id = p.id where x.n is not null;
insert into lake.ns.pets (id, kind) select id, kind from lake.ns.news where id < 0;
insert into lake.ns.pets (id, kind, n) with x as (select 500 as id, 'cte' as kind union all select 501, 'cte')
  select id, kind, 7 from x;
insert into lake.ns.pets (id, price, day, n) values (300 + 1, 1.5 * 2, date '2024-01-01', 2 - 5), (302, 7, null, null);
insert into lake.ns.pets select id + 1000, kind, n, price, day, seen, ok, owner, tags from lake.ns.pets where id < 10;
insert into lake.ns.pets (id, n) select max(id) + 1, count(*) from lake.ns.pets;

-- Update: values from values, no row, every row, partition columns, whole structs and lists.
update lake.ns.pets set n = n + 1 where id = 1;
update lake.ns.pets set n = id, id = n + 10000 where n is not null and id < 6;
update lake.ns.pets set price = n, n = id - 10000 where id > 10000;
update lake.ns.pets set n = 1, kind = 'never' where id = -1;
update lake.ns.pets set kind = 'never' where not (ok is null or ok is not null);
update lake.ns.pets set ok = not ok;
update lake.ns.pets set kind = 'x y/z' where kind = 'ant';
update lake.ns.pets set kind = null where kind = 'cow' or kind = 'cte';
update lake.ns.pets set kind = kind || '!' where id < 1000;
update lake.ns.pets set kind = 'was null', n = coalesce(n, 0) where kind is null and id > 10;
update lake.ns.pets set n = case when n > 5 then n - 5 when n is null then -1 else n * 10 end where id <= 1010;
update lake.ns.pets set day = day + interval '1 day', seen = seen + interval '1 hour' where day < date '9999-01-01';
update lake.ns.pets set owner = named_struct('name', upper(owner['name']), 'age', owner['age'] + 1)
  where owner['age'] is not null;
update lake.ns.pets set owner = null where owner['name'] = 'BOB' or owner['name'] = 'Bob';
update lake.ns.pets set tags = array_append(tags, 'z') where tags is not null;
update lake.ns.pets set tags = ['only'], price = null where tags is null and id % 2 = 1;
update lake.ns.pets set price = price * 2 + 1 where price between 0 and 10;

-- Update with queries inside.
update lake.ns.pets set n = (select max(n) from lake.ns.news) where id = 9;
update lake.ns.pets set n = 77 where id in (select id + 200 from lake.ns.news);
update lake.ns.pets set n = 78 where id not in (select id from lake.ns.news);
update lake.ns.pets set n = 79 where id not in (select id from lake.ns.news where id is not null) and id < 12;
update lake.ns.pets p set n = (select sum(x.n) from lake.ns.news x where x.id = p.id - 200) where p.id between 200 and 299;
update lake.ns.pets p set kind = 'in news' where exists (select 1 from lake.ns.news x where x.id + 100 = p.id);
update lake.ns.pets p set ok = true where n > (select avg(n) from lake.ns.pets);
update lake.ns.pets set n = n + (select count(*) from lake.ns.pets) where ok;

-- Delete: three-valued logic, functions, queries.
delete from lake.ns.pets where id = 11;
delete from lake.ns.pets where id = 11;
delete from lake.ns.pets where owner['age'] > 45;
delete from lake.ns.pets where id % 7 = 0 and ok is not true;
delete from lake.ns.pets where (kind = 'was null') is null or kind = 'none';
delete from lake.ns.pets where not (n > 3 or n is null) and id < 100;
delete from lake.ns.pets where n not in (1, null);
delete from lake.ns.pets where id in (12, 302, null);
delete from lake.ns.pets where n <> 79 and id between 300 and 400;
delete from lake.ns.pets where upper(kind) = 'BEE!' and length(kind) = 4;
delete from lake.ns.pets where kind like 'x%!' and not (ok is null);
delete from lake.ns.pets where id in (select id + 1000 from lake.ns.news where gone);
delete from lake.ns.pets where id not in (select id from lake.ns.news);
delete from lake.ns.pets where exists (select 1 from lake.ns.news x where x.id + 100 = pets.id and x.gone);
delete from lake.ns.pets where not exists (select 1 from lake.ns.news x where x.kind = pets.kind) and id > 1004;
delete from lake.ns.pets where n < (select min(n) + 18 from lake.ns.news);

-- Merge.
merge into lake.ns.pets t using lake.ns.news s on t.id = s.id
  when matched then update set n = s.n, kind = s.kind
  when not matched then insert (id, kind, n) values (coalesce(s.id, 99), s.kind, s.n);
merge into lake.ns.pets t using lake.ns.news s on t.id = s.id
  when matched and s.gone then delete
  when matched and t.n is null then update set n = 0, owner = named_struct('name', s.kind, 'age', s.id)
  when matched then update set n = t.n + s.n
  when not matched and s.gone then insert (id, kind) values (s.id, 'gone')
  when not matched and s.id is not null then insert (kind, id) values (s.kind, s.id);
merge into lake.ns.pets t using (select id, kind, n from lake.ns.news where id > 1000) s on t.id = s.id
  when matched then delete when not matched then insert (id) values (s.id);
merge into lake.ns.pets t using (select kind, max(id) + 5000 as id from lake.ns.news group by kind) s
  on t.kind = s.kind
  when not matched and s.kind is not null then insert (id, kind) values (s.id, s.kind);
merge into lake.ns.pets t using lake.ns.news s on t.id = s.id
  when not matched by source and t.id > 1000 then delete
  when not matched by source then update set ok = false;
merge into lake.ns.pets t using lake.ns.news s on t.id = s.id
  when matched then update set n = -s.n
  when not matched then insert (id, n) values (coalesce(s.id, 98), s.n)
  when not matched by source and t.n is null then delete;
merge into lake.ns.news t using lake.ns.news s on t.id = s.id
  when matched and s.n is not null then update set n = s.n + 1;
merge into lake.ns.news t using (select id, kind from lake.ns.news) s on t.kind = s.kind and s.id is null
  when matched then update set id = 53
  when not matched and s.id > 51 then insert (id, kind) values (s.id + 1000, s.kind);
merge into lake.ns.nothing t using lake.ns.news s on t.id = s.id
  when matched then delete
  when not matched then insert values (coalesce(s.id, 0), s.kind, s.n, null, date '2024-01-01', null, s.gone, null, ['m']);
merge into lake.ns.nothing t using (select null as kind, 7 as n) s on t.kind = s.kind
  when matched then update set n = s.n
  when not matched then insert (id, n) values (1000, s.n);
merge into lake.ns.nothing t using (values (1, 'one'), (1001, 'more')) as s (id, kind) on s.id = t.id
  when matched then update set kind = s.kind, n = t.id
  when not matched then insert (id, kind) values (s.id, s.kind);
merge into lake.ns.nothing t using (select id from lake.ns.pets where id < 0) s on t.id = s.id
  when not matched by source and t.n > 200 then delete;
merge into lake.ns.nothing t using lake.ns.pets s on t.kind = s.kind and t.id = -1
  when matched then delete;

-- Everything goes, and comes again.
delete from lake.ns.nothing;
delete from lake.ns.nothing;
insert into lake.ns.nothing (id, kind) select id, kind from lake.ns.pets;
truncate table lake.ns.nothing;
truncate table lake.ns.nothing;
insert into lake.ns.nothing (id) values (1);

-- Many rows, in many batches.
insert into lake.ns.nothing (id, n, kind) select g.v, g.v % 1000, 'many' from generate_series(1, 20000) as g(v);
update lake.ns.nothing set n = -n where id % 3 = 0;
delete from lake.ns.nothing where id % 5 = 0;
delete from lake.ns.nothing where id in (select id + 7 from lake.ns.nothing where n > 900);
update lake.ns.nothing set kind = 'last' where id > (select max(id) - 10 from lake.ns.nothing);
merge into lake.ns.nothing t using (select id * 2 as id, max(n) as n from lake.ns.nothing group by id) s on t.id = s.id
  when matched and t.n < 0 then delete
  when matched then update set n = s.n, kind = 'merged'
  when not matched then insert (id, n) values (s.id, s.n)
  when not matched by source and t.kind = 'last' then update set kind = 'no double';
