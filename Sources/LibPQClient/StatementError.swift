import LibPQFunctions

/// The error that a server reports, by the codes of PostgreSQL's manual, appendix A.
package struct StatementError: Error, Sendable, Equatable {
    /// The SQLSTATE, five characters.
    package let code: String
    /// The primary message, in the language of the server.
    package let message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// The message and the code, for an operator.
    package var text: String { "PostgreSQL: \(message) (\(code))" }

    /// Whether doing the same again may succeed: the transaction lost against another (class 40).
    var isTransient: Bool { code.hasPrefix("40") || code == "55P03" }

    /// Whether the connection lost what it had prepared, as behind a pooler.
    var isUnknownStatement: Bool { code == "26000" || code == "42P05" }

    /// Whether a schema change made a prepared statement stale.
    ///
    /// The code is that of everything that is not supported; of a statement that worked before, it is this.
    var isStalePlan: Bool { code == "0A000" && message.contains("cached plan") }

    /// Whether the server or the connection goes away.
    var endsConnection: Bool { code.hasPrefix("57P") || code.hasPrefix("08") || isReadOnly }

    /// Whether the server takes no writes, as one that is no primary any more; nothing was done.
    var isReadOnly: Bool { code == "25006" }

    /// Whether the same will fail until an operator changes a password, a name, a privilege or a parameter.
    package var isPermanent: Bool { Self.isPermanent(code) }

    /// Authorization (28), names of databases (3D) and schemas (3F), privileges and names (42), what a server does not
    /// support (0A), and the value of a parameter.
    static func isPermanent(_ code: String) -> Bool {
        code == "22023" || ["28", "3D", "3F", "42", "0A"].contains(where: code.hasPrefix)
    }
}

extension StatementError {
    /// The error of a result.
    init(_ result: OpaquePointer) {
        func field(_ name: Character) -> String? {
            PQresultErrorField(result, Int32(name.asciiValue ?? 0)).map { String(cString: $0) }
        }
        // The primary message only: details may quote values.
        self.init(code: field("C") ?? "08006", message: field("M") ?? "the connection broke")
    }
}
