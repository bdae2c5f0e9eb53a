import TestSupport
import Testing

@testable import SessionImport

@Suite("Reading dumps")
struct DumpReaderTests {
    private static let end = "\n-- PostgreSQL database dump complete\n"
    private static let table = "CREATE TABLE public.key_value (name text, value text, created_at_time bigint);\n"
    private static let insert = "INSERT INTO public.key_value VALUES ('n', 'v', 1);\n"

    private func rows(
        _ text: String, _ selection: TableSelection = TableSelection(), chunkSize: Int = 7
    ) throws -> [String] {
        var reader = DumpReader(
            try ImportWorld.source(text + Self.end, chunkSize: chunkSize).open(), selection: selection)
        var rows: [String] = []
        while let row = try reader.nextRow() {
            rows.append("\(try row.text("name") ?? "NULL")=\(try row.text("value") ?? "NULL")")
        }
        return rows
    }

    @Test(
        "Everything else is passed over",
        arguments: [
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO x VALUES (';'); END $$;",
            "CREATE FUNCTION f() RETURNS int AS $body$ $$ $bod$ ; $body$ LANGUAGE sql;",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC INSERT INTO public.key_value VALUES ('x', 'y', 1); SELECT CASE WHEN true THEN 1 END; END;",
            "COMMENT ON TABLE public.key_value IS 'it''s; -- not a comment /* ';",
            "-- INSERT INTO public.key_value VALUES ('x', 'y', 1);",
            "/* INSERT /* nested */ INTO public.key_value VALUES ('x', 'y', 1); */",
            "CREATE TYPE public.mood AS ENUM ('a', 'b');", "CREATE TABLE public.a AS SELECT 1;",
            "CREATE UNLOGGED TABLE public.b (a int, CONSTRAINT c CHECK ((a > (0))), PRIMARY KEY (a));",
            "COPY public.users (a, b) FROM stdin;\n1\t\\N\n'\";$$\t--\n\\.\n",
            "COPY public.empty () FROM stdin;\n\\.\n",
            "INSERT INTO public.users VALUES (1, 'a;b'), (2, E'\\'');", "\\connect other", "\\restrict abc'\"$$",
            "SET search_path = public, pg_catalog;", "SELECT pg_catalog.set_config('search_path', '', false);",
            "CREATE TABLE other.key_value (name text, value text, created_at_time bigint);\nINSERT INTO other.key_value VALUES ('x', 'y', 1);",
            "CREATE INDEX \"i;'\" ON public.key_value USING btree (name);", ";;",
            "ALTER TABLE ONLY public.key_value ADD CONSTRAINT k PRIMARY KEY (name);",
        ])
    func skips(_ statement: String) throws {
        for chunkSize in [1, 1 << 16] {
            let text = "\(statement)\n\(Self.table)\(statement)\n\(Self.insert)"
            // A table may be created once only.
            let once = statement.hasPrefix("CREATE") ? "\(statement)\n\(Self.table)\(Self.insert)" : text
            #expect(try rows(once, chunkSize: chunkSize) == ["n=v"])
        }
    }

    @Test(
        "Rows are read in every spelling",
        arguments: [
            ("INSERT INTO public.key_value VALUES ('a''b', NULL, -1);", "a'b=NULL"),
            ("INSERT INTO public.key_value (value, created_at_time, name) VALUES ('v', 1, 'n');", "n=v"),
            (
                "INSERT INTO \"public\".\"key_value\" (\"name\", value, created_at_time) OVERRIDING SYSTEM VALUE VALUES ('n','v',1) ON CONFLICT DO NOTHING;",
                "n=v"
            ),
            (#"INSERT INTO public.key_value VALUES (E'a\\b\'\n\x41\101', 'a\b', 1);"#, "a\\b'\nAA=a\\b"),
            (
                #"SET standard_conforming_strings = off; INSERT INTO public.key_value VALUES ('a\\b', 'c\'d', 1);"#,
                #"a\b=c'd"#
            ),
            ("COPY public.key_value (created_at_time, value, name) FROM stdin;\n1\tv\\tw\tn\n\\.\n", "n=v\tw"),
            ("COPY public.key_value FROM stdin;\r\nn\tv\t1\r\n\\.\r\n", "n=v"),
            ("insert into PUBLIC.Key_Value values ('n', 'multi\nline', 1);", "n=multi\nline"),
        ])
    func spellings(_ statement: String, _ row: String) throws {
        for chunkSize in [1, 3, 1 << 16] {
            #expect(try rows(Self.table + statement, chunkSize: chunkSize) == [row])
        }
    }

    @Test("Schema and prefix choose the tables")
    func selection() throws {
        let text =
            "CREATE TABLE st.my_key_value (name text, value text, created_at_time bigint);\n"
            + "INSERT INTO st.my_key_value VALUES ('n', 'v', 1);"
        #expect(try rows(text, TableSelection(schema: "st", prefix: "my")) == ["n=v"])
        #expect(try rows(text).isEmpty)
    }

    @Test(
        "What cannot be read is an error",
        arguments: [
            "SET client_encoding = 'LATIN1';", table + table, "INSERT INTO public.key_value VALUES ('n', 'v', 1);",
            table + "INSERT INTO public.key_value VALUES ('n', 'v');",
            table + "INSERT INTO public.key_value VALUES ('n', 'v', 1, 2);",
            table + "INSERT INTO public.key_value SELECT 1;",
            table + "INSERT INTO public.key_value VALUES ('n', now(), 1);",
            table + "INSERT INTO public.key_value VALUES ('n', U&'x', 1);",
            table + "COPY public.key_value (name, value) FROM stdin;\nn\tv\n\\.\n",
            table + "COPY public.key_value (name, value, created_at_time) FROM stdin WITH (FORMAT csv);\nn,v,1\n\\.\n",
            table + "INSERT INTO public.key_value VALUES (E'\\u0041', 'v', 1);", "SELECT 'open", "/* open",
            "SELECT $a$ $b$",
            "CREATE TABLE public.x (", "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;",
        ])
    func errors(_ text: String) {
        #expect(throws: ImportError.self) { try rows(text) }
    }
}
