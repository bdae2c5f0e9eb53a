/// The values of a statement's parameters by their names; one that the statement does not name is left out.
///
/// A list, because for the dozen values of a statement it is faster than a table.
package struct NamedValues: Sendable, ExpressibleByDictionaryLiteral {
    private var pairs: [(name: String, value: PostgresValue)]

    package init(dictionaryLiteral pairs: (String, PostgresValue)...) {
        self.pairs = pairs.map { (name: $0, value: $1) }
    }

    /// The value of a name, the first of several.
    package subscript(name: String) -> PostgresValue? { pairs.first { $0.name == name }?.value }

    /// Whether PostgreSQL can store all values.
    package var areStorable: Bool { pairs.allSatisfy(\.value.isStorable) }

    package static func + (left: NamedValues, right: NamedValues) -> NamedValues {
        var sum = left
        sum.pairs += right.pairs
        return sum
    }
}
