import Foundations
import LibPQFunctions

/// The address of a server and how a client uses it; may hold a password.
package struct ClientSettings: Sendable, Redacted {
    /// libpq's connection parameters; `dbname` may be a connection URI.
    package var parameters: [(name: String, value: String)]
    /// The number of connections.
    package var connections: Int
    /// The largest number of statements that share a transaction.
    package var batchLimit: Int
    /// The largest number of statements that wait.
    package var queueLimit: Int
    /// The longest time that a statement takes, waiting included.
    package var deadline: Duration

    package init(
        parameters: [(name: String, value: String)], connections: Int, batchLimit: Int, queueLimit: Int,
        deadline: Duration
    ) {
        self.parameters = parameters
        self.connections = connections
        self.batchLimit = batchLimit
        self.queueLimit = queueLimit
        self.deadline = deadline
    }

    /// Checks that libpq can read a connection URI, or `key=value` pairs (PostgreSQL's manual, 34.1.1).
    ///
    /// - Throws: `ClientError.unusable` if it cannot.
    package static func check(uri: String) throws(ClientError) {
        try LibPQ.open()
        var message: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(uri, &message)
        defer {
            PQconninfoFree(options)
            PQfreemem(message)
        }
        guard options == nil else { return }
        // libpq's message may quote the text, which may hold a password.
        let unknown = message.map { String(cString: $0) }.flatMap(Self.unknownParameter)
        let hint = unknown.map { "libpq does not know its parameter '\($0)'" } ?? "libpq cannot read it"
        throw .unusable("the connection URI of PostgreSQL is not usable: \(hint)")
    }

    private static func unknownParameter(_ message: String) -> String? {
        guard message.contains("invalid URI query parameter") else { return nil }
        return message.split(separator: "\"").dropFirst().first.map(String.init)
    }

    /// The host, the port and the database, without user and password.
    package var address: String {
        var found: [String: String] = [:]
        for (name, value) in parameters {
            if name == "dbname" { found.merge(Self.parts(ofDatabase: value)) { $1 } } else { found[name] = value }
        }
        let host = found["host"] ?? found["hostaddr"] ?? "local"
        return "PostgreSQL \(host):\(found["port"] ?? "5432")/\(found["dbname"] ?? "")"
    }

    /// The parameters in the value of `dbname`, which may be a name, a URI, or pairs.
    private static func parts(ofDatabase value: String) -> [String: String] {
        guard value.contains("=") || value.contains("://") else { return ["dbname": value] }
        guard (try? LibPQ.open()) != nil, let options = PQconninfoParse(value, nil) else { return [:] }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { found[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return found
    }
}
