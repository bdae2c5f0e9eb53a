import LibPQClient

/// The statements about the outbox of security events; `$app` is the app and `$stream` the stream.
extension Statements {
    private static let moment = "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint"
    private static let isNamed = "app_id = $app AND name = $stream"
    private static let isOfStream = "app_id = $app AND stream = $stream"

    /// Adds the streams `$names`, if the app exists or `$checks` is false; answers whether they could be added.
    var insertStreams: PostgresStatement {
        PostgresStatement(
            "insertStreams", .alone,
            """
            WITH admitted AS (SELECT 1 WHERE NOT $checks \
            OR EXISTS (SELECT 1 FROM \(tables.tenants) WHERE app_id = $app)), \
            added AS (INSERT INTO \(tables.eventStreams) (app_id, name) \
            SELECT $app, new.name FROM unnest($names) AS new (name), admitted ORDER BY new.name ON CONFLICT DO NOTHING) \
            SELECT count(*) FROM admitted
            """)
    }

    /// Reads the streams with how many events wait and are dead, and since when the first one waits.
    var selectStreams: PostgresStatement {
        func rows(dead: Bool) -> String {
            """
            \(tables.eventOutbox) AS o WHERE o.app_id = s.app_id AND o.stream = s.name AND \(dead ? "" : "NOT ")o.dead
            """
        }
        return PostgresStatement(
            "selectStreams", .read,
            """
            SELECT name, (SELECT count(*) FROM \(rows(dead: false))), (SELECT count(*) FROM \(rows(dead: true))), \
            (SELECT since FROM \(rows(dead: false)) ORDER BY number LIMIT 1), last_error, last_delivery \
            FROM \(tables.eventStreams) AS s WHERE app_id = $app ORDER BY name COLLATE "C"
            """)
    }

    /// Deletes a stream with its events; answers how many of each there were.
    var deleteStream: PostgresStatement {
        PostgresStatement(
            "deleteStream", .alone,
            """
            WITH gone AS (DELETE FROM \(tables.eventStreams) WHERE \(Self.isNamed) RETURNING 1), \
            events AS (DELETE FROM \(tables.eventOutbox) WHERE \(Self.isOfStream) RETURNING 1) \
            SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM events)
            """)
    }

    /// Gives a stream to `$owner` for `$milliseconds`, unless another one has it.
    var leaseStream: PostgresStatement {
        PostgresStatement(
            "leaseStream", .write,
            """
            UPDATE \(tables.eventStreams) SET owner = $owner, leased_until = \(Self.moment) + $milliseconds \
            WHERE \(Self.isNamed) AND (owner = $owner OR leased_until <= \(Self.moment))
            """)
    }

    /// Reads up to `$limit` events that wait, after the number `$after`; the columns of an entry come first.
    var selectPendingEvents: PostgresStatement {
        PostgresStatement(
            "selectPendingEvents", .read,
            """
            SELECT sequence, \(QuotedTables.auditColumns), number, attempts, next_attempt, since \
            FROM \(tables.eventOutbox) WHERE \(Self.isOfStream) AND NOT dead AND number > $after ORDER BY number LIMIT $limit
            """)
    }

    /// Notes what became of the events `$numbers`, and the last error of the stream; answers how many changed.
    var settleEvents: PostgresStatement {
        PostgresStatement(
            "settleEvents", .alone,
            """
            WITH outcome AS (SELECT * FROM unnest($numbers, $results, $times, $errors) WITH ORDINALITY \
            AS o (number, result, time, error, position)), \
            gone AS (DELETE FROM \(tables.eventOutbox) WHERE \(Self.isOfStream) \
            AND number IN (SELECT number FROM outcome WHERE result = 'delivered') RETURNING number), \
            kept AS (UPDATE \(tables.eventOutbox) AS e SET attempts = attempts + 1, dead = result = 'dead', \
            next_attempt = CASE result WHEN 'later' THEN o.time ELSE next_attempt END, \
            since = CASE result WHEN 'dead' THEN \(Self.moment) ELSE since END FROM outcome AS o \
            WHERE \(Self.isOfStream) AND e.number = o.number AND NOT dead \
            AND (result = 'dead' OR result = 'later' AND next_attempt <> o.time) RETURNING e.number), \
            changed AS (SELECT number FROM gone UNION ALL SELECT number FROM kept), \
            last AS (SELECT o.error FROM outcome AS o JOIN changed USING (number) ORDER BY position DESC LIMIT 1), \
            noted AS (UPDATE \(tables.eventStreams) SET last_error = nullif(last.error, ''), \
            last_delivery = CASE WHEN EXISTS (SELECT 1 FROM gone) THEN \(Self.moment) ELSE last_delivery END \
            FROM last WHERE \(Self.isNamed)) SELECT count(*) FROM changed
            """)
    }

    /// Lets the dead events of a stream wait again, not to be sent before `$time`.
    var reviveEvents: PostgresStatement {
        PostgresStatement(
            "reviveEvents", .alone,
            """
            UPDATE \(tables.eventOutbox) SET dead = false, attempts = 0, next_attempt = $time, since = $time \
            WHERE \(Self.isOfStream) AND dead
            """)
    }

    /// Gives up what waits since before `$time`, deletes what is dead since then, up to `$limit` of each stream, and what was
    /// written for a stream while it was removed; answers how many there were.
    ///
    /// Looks at the oldest only: they are in the order of time but for steps of the clock and those that wait again.
    var buryEvents: PostgresStatement {
        let (streams, outbox) = (tables.eventStreams, tables.eventOutbox)
        func old(dead: Bool) -> String {
            """
            number = ANY (ARRAY(SELECT o.number FROM \(streams) AS s, LATERAL (SELECT number, since FROM \(outbox) AS e \
            WHERE e.app_id = s.app_id AND e.stream = s.name AND \(dead ? "" : "NOT ")e.dead ORDER BY number LIMIT $limit) AS o \
            WHERE s.app_id = $app AND o.since < $time))
            """
        }
        return PostgresStatement(
            "buryEvents", .alone,
            """
            WITH gone AS (DELETE FROM \(outbox) WHERE \(old(dead: true)) AND dead RETURNING 1), \
            late AS (UPDATE \(outbox) SET dead = true, since = \(Self.moment) WHERE \(old(dead: false)) AND NOT dead \
            RETURNING 1), \
            lost AS (DELETE FROM \(outbox) WHERE number = ANY (ARRAY(SELECT number FROM (SELECT number, app_id, stream \
            FROM \(outbox) ORDER BY number LIMIT $limit) AS e WHERE NOT EXISTS (SELECT 1 FROM \(streams) AS s \
            WHERE s.app_id = e.app_id AND s.name = e.stream))) RETURNING 1) \
            SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM late) + (SELECT count(*) FROM lost)
            """)
    }
}
