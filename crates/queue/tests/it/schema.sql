-- The schema as lines of text, alike on every supported server: tables, columns, constraints,
-- indexes, views, functions, sequences. Partitions are left out, their names hold dates.
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind, c.reloptions
      FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition
       AND c.relname <> '_sqlx_migrations'
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), lines AS (
    SELECT relname AS about, 1 AS part,
           CASE relkind WHEN 'r' THEN 'table ' WHEN 'p' THEN 'table by day ' WHEN 'v' THEN 'view ' END
           || relname || coalesce(' ' || array_to_string(reloptions, ' '), '') AS line
      FROM ours WHERE relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT o.relname, 2,
           format('    %s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
                  coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))
      FROM ours o
      JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
     WHERE o.relkind IN ('r', 'p', 'v')
    UNION ALL
    SELECT o.relname, 3, format('    constraint %s %s', c.conname, pg_get_constraintdef(c.oid))
      FROM ours o JOIN pg_constraint c ON c.conrelid = o.oid AND c.contype <> 'n'
    UNION ALL
    SELECT o.relname, 4,
           '    ' || regexp_replace(pg_get_indexdef(i.indexrelid), ' ON (ONLY )?[a-z_.]+ ', ' ')
      FROM ours o JOIN pg_index i ON i.indrelid = o.oid
    UNION ALL
    SELECT relname, 5, 'sequence ' || relname FROM ours WHERE relkind = 'S'
    UNION ALL
    SELECT p.proname, 6, format('function %s(%s) %s', p.proname, pg_get_function_arguments(p.oid), md5(p.prosrc))
      FROM pg_proc p
     WHERE p.pronamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT line FROM lines ORDER BY about COLLATE "C", part, line COLLATE "C"
