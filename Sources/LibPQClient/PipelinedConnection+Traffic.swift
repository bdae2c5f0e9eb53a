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
            let statement = request.statement
            if known.insert(statement.name).inserted {
                let (types, count) = (request.values.map(\.type), Int32(request.values.count))
                isSent = isSent && PQsendPrepare(handle, statement.name, statement.sql, count, types) == 1
                batch.noteSent(preparing: statement.name)
            }
            isSent = isSent && Self.execute(statement.name, request.values, on: handle)
            batch.noteSent(request: index)
        }
        warnings.pointee = 0
        state = .busy(batch)
        guard isSent, PQpipelineSync(handle) == 1 else { return lose(message, now) }
        flush(now)
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
