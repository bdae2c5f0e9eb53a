/// The values of a label: the cases of an enumeration, numbered from 0, so that no text of a caller can become one.
package protocol MetricLabel: CaseIterable, RawRepresentable, Sendable where RawValue == Int {
    /// The value as it is written.
    var label: String { get }
}

extension MetricLabel {
    /// The name of the case, in snake case.
    package var label: String { MetricName.snakeCase("\(self)") }
}

/// Names as Prometheus has them.
package enum MetricName {
    /// Writes `badInput` as `bad_input`, for a name of the program.
    package static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { text, letter in
            if letter.isUppercase { text += "_" }
            text += letter.lowercased()
        }
    }

    /// Any text as a name: letters, digits and underscores.
    static func sanitized(_ text: String) -> String {
        let name = String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        return name.first?.isNumber ?? true ? "_" + name : name
    }
}
