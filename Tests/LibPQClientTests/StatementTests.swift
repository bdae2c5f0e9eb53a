import Testing

@testable import LibPQClient

@Suite("Statements with named parameters")
struct StatementTests {
    @Test("each name has one number, in the order of the text")
    func numbers() {
        let statement = PostgresStatement("s", .read, "SELECT $b::text, $a, $b WHERE $c1 = ANY ($a)")
        #expect(statement.sql == "SELECT $1::text, $2, $1 WHERE $3 = ANY ($2)")
        #expect(statement.parameters == ["b", "a", "c1"])
    }

    @Test(
        "what is quoted is left as it is: texts and the names of tables",
        arguments: [
            "SELECT '$a' FROM \"t$a\"", "SELECT 'it''s $a'", "INSERT INTO \"p\"\"x$a\".\"y\" VALUES ('\"')",
            "DO $$ END $$",
        ])
    func quotes(_ sql: String) {
        let statement = PostgresStatement("s", .read, sql)
        #expect(statement.sql == sql && statement.parameters.isEmpty)
    }

    @Test("values are put in the order of the statement, and those of other statements are left out")
    func order() throws {
        let statement = PostgresStatement("s", .read, "SELECT $b, $a")
        let values: NamedValues = ["a": .text("1"), "b": .text("2"), "c": .text("3")]
        #expect(statement.ordered(values)?.map(\.encoded) == ["2", "1"])
        #expect(statement.ordered(["a": .text("1")]) == nil)
        #expect(statement.ordered(["a": .text("4")] + values)?.map(\.encoded) == ["2", "4"])
    }

    @Test("a value with a zero byte is found under any name")
    func storable() {
        let values: NamedValues = ["a": .text("1"), "b": .texts(["x", "y\u{0}"])]
        #expect(!values.areStorable && (["a": .text(nil)] as NamedValues).areStorable)
    }
}
