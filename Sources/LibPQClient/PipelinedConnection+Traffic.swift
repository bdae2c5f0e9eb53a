import Foundations
import LibPQFunctions

/// Sending batches and receiving what comes.
extension PipelinedConnection {
    /// Sends a batch; its requests may not be empty.
    func send(_ requests: [ClientRequest], _ now: MonotonicTime) {
        guard let handle else { return queue.putBack(requests) }
        var batch = PipelineBatch(requests.map { $0.sent() }.sorted { $0.key < $1.key }, sentAt: now)
        var isSent = true
        var known = prepared
        for (index, request) in batch.requests.enumerated() {
            if let first = request.first {
                isSent = isSent && prepare(first.statement, first.values, &known, &batch, on: handle)
                isSent = isSent && Self.execute(first.statement.name, first.values, on: handle)
                batch.noteSentFirst()
            }
            isSent = isSent && prepare(request.statement, request.values, &known, &batch, on: handle)
            isSent = isSent && Self.execute(request.statement.name, request.values, on: handle)
            batch.noteSent(request: index)
        }
        warnings.pointee = 0
        state = .busy(batch)
        guard isSent, PQpipelineSync(handle) == 1 else { return lose(message, now) }
        flush(now)
    }

    /// Sends the preparation of a statement that this connection has not prepared; returns whether that worked.
    private func prepare(
        _ statement: PostgresStatement, _ values: [PostgresValue], _ known: inout Set<String>,
        _ batch: inout PipelineBatch, on handle: OpaquePointer
    ) -> Bool {
        guard known.insert(statement.name).inserted else { return true }
        batch.noteSent(preparing: statement.name)
        return PQsendPrepare(handle, statement.name, statement.sql, Int32(values.count), values.map(\.type)) == 1
    }

    private static func execute(_ name: String, _ values: [PostgresValue], on handle: OpaquePointer) -> Bool {
        CStrings.with(values.map(\.encoded)) { texts in
            PQsendQueryPrepared(handle, name, Int32(values.count), texts, nil, nil, 0)
        } == 1
    }

    func flush(_ now: MonotonicTime) {
        guard let handle else { return }
        switch PQflush(handle) {
        case 0: needsFlush = false
        case 1: needsFlush = true
        default: lose(message, now)
        }
    }

    func receive(_ now: MonotonicTime) {
        guard let handle else { return }
        if needsFlush { flush(now) }
        guard PQconsumeInput(handle) == 1 else {
            let reason = message
            // What arrived before the end still counts.
            if case .busy(var batch) = state {
                _ = batch.read(from: handle, prepared: &prepared)
                state = .busy(batch)
            }
            return lose(reason, now)
        }
        switch state {
        case .settingUp(let since): receiveSetup(since, now)
        case .busy(var batch):
            let progress = batch.read(from: handle, prepared: &prepared)
            state = .busy(batch)
            if progress == .done {
                finish(batch, now)
            } else if PQstatus(handle) == CONNECTION_BAD {
                lose(message, now)
            }
        default: if PQstatus(handle) == CONNECTION_BAD { lose(message, now) }
        }
    }

    private func receiveSetup(_ since: MonotonicTime, _ now: MonotonicTime) {
        guard let handle else { return }
        guard setup.read(from: handle) else { return }
        switch setup.verdict {
        case .refused(let reason): lose(reason, now)
        case .accepted(let report):
            guard PQenterPipelineMode(handle) == 1 else { return lose(message, now) }
            failures = 0
            prepared = []
            state = .ready
            status.noteConnected(report, slot: slot, after: now - since)
        }
    }
}

extension ClientRequest {
    func sent() -> ClientRequest {
        var request = self
        request.attempts += 1
        return request
    }

    func single() -> ClientRequest {
        var request = self
        request.isSingle = true
        return request
    }
}
