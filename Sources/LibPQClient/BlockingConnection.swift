import LibPQFunctions

/// A connection whose calls block until the server has answered, for work that is no request: schemas and diagnostics.
///
/// Use it from one thread at a time.
package final class BlockingConnection {
    private let handle: OpaquePointer

    /// Connects, in five seconds for each host unless the settings say otherwise.
    ///
    /// - Throws: `ClientError.unusable` if an operator has to change a password, a name or a parameter, otherwise
    ///   `ClientError.unavailable`.
    package init(_ settings: ClientSettings) throws(ClientError) {
        try LibPQ.open()
        let parameters: [(name: String, value: String)] =
            [("connect_timeout", "5")] + settings.parameters + [("client_encoding", "UTF8")]
        let begun = CStrings.with(parameters.map(\.name)) { names in
            CStrings.with(parameters.map(\.value)) { values in PQconnectStartParams(names, values, 1) }
        }
        guard let begun else { throw .unavailable("libpq has no memory") }
        handle = begun
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        let isLocal = PQstatus(handle) == CONNECTION_BAD
        if !isLocal {
            // Only a verbose message has the SQLSTATE of a refusal, and only after a start can it be asked for. The
            // attempt is then made again, because this call keeps to the timeout of each host.
            PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
            PQreset(handle)
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            throw ConnectionFailure(verbose: message)
                .error(lacksPassword: PQconnectionNeedsPassword(handle) == 1, isLocal: isLocal)
        }
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
    }

    deinit { PQfinish(handle) }

    private var message: String { PQerrorMessage(handle).map { String(cString: $0) } ?? "" }

    /// Runs a statement, whose parameters have numbers, and returns its rows as texts.
    @discardableResult
    package func run(_ sql: String, _ values: [PostgresValue] = []) throws(StatementError) -> [[String?]] {
        let answer = CStrings.with(values.map(\.encoded)) { texts in
            PQexecParams(handle, sql, Int32(values.count), values.map(\.type), texts, nil, nil, 0)
        }
        guard let answer else { throw StatementError(code: "08006", message: message) }
        switch PQresultStatus(answer) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            let columns = PQnfields(answer)
            return PostgresResult(answer).rows { row in (0..<columns).map(row.optionalText) }
        default:
            defer { PQclear(answer) }
            throw StatementError(answer)
        }
    }
}
