#if PostgreSQL
    import CPostgreSQL
    import SessionStorage

    /// A connection that waits for each answer, for work that is no request: the schema, and looks at the server.
    ///
    /// It belongs to whoever made it; its calls take their time.
    final class PostgresSession {
        private let handle: OpaquePointer

        /// Connects.
        init(_ settings: PostgresSettings) throws(StorageError) {
            let parameters: [(name: String, value: String)] =
                [("fallback_application_name", "tessera"), ("connect_timeout", "5")] + settings.parameters
                + [("client_encoding", "UTF8")]
            let opened = CStrings.with(parameters.map(\.name)) { names in
                CStrings.with(parameters.map(\.value)) { values in PQconnectdbParams(names, values, 1) }
            }
            guard let opened else { throw StorageError(.unavailable, "libpq has no memory") }
            handle = opened
            PQsetNoticeReceiver(handle, { _, _ in }, nil)
            guard PQstatus(handle) == CONNECTION_OK else { throw broken }
        }

        deinit { PQfinish(handle) }

        /// The error of a connection that does not work.
        private var broken: StorageError {
            let lines = String(cString: PQerrorMessage(handle)).split(separator: "\n")
            return StorageError(.unavailable, lines.joined(separator: "; "))
        }

        /// Runs a statement and gives its rows as texts.
        @discardableResult
        func run(_ sql: String, _ values: [PostgresValue] = []) throws(SessionFailure) -> [[String?]] {
            let answer = CStrings.with(values.map(\.encoded)) { texts in
                PQexecParams(handle, sql, Int32(values.count), values.map(\.type), texts, nil, nil, 0)
            }
            guard let answer else { throw SessionFailure(state: SQLState(code: "08006", message: broken.detail)) }
            switch PQresultStatus(answer) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                let columns = PQnfields(answer)
                let result = PostgresResult(answer)
                let rows = try? result.rows { (row) throws(StorageError) in (0..<columns).map(row.optionalText) }
                return rows ?? []
            default:
                defer { PQclear(answer) }
                throw SessionFailure(state: SQLState(answer))
            }
        }
    }

    /// A statement that failed.
    struct SessionFailure: Error {
        let state: SQLState
    }
#endif
