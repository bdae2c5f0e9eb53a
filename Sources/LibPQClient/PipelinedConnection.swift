import Foundations
import LibPQFunctions
import PlatformLibC

/// One connection, which is made again when it ends: a state machine that never blocks.
///
/// Only the client's thread uses it.
final class PipelinedConnection {
    enum State {
        /// Tries again at a time.
        case resting(until: MonotonicTime)
        case connecting(since: MonotonicTime, wanted: PostgresPollingStatusType)
        case settingUp(since: MonotonicTime)
        case ready
        case busy(PipelineBatch)
    }

    let settings: ClientSettings
    let queue: RequestQueue
    let status: ClientStatus
    let slot: Int
    var state: State
    var handle: OpaquePointer?
    var prepared: Set<String> = []
    var needsFlush = false
    var failures = 0
    var setup = ConnectionSetup()
    /// How many warnings the server has sent; written by libpq's callback, which runs inside our calls to libpq.
    let warnings: UnsafeMutablePointer<Int>

    init(slot: Int, settings: ClientSettings, queue: RequestQueue, status: ClientStatus) {
        self.slot = slot
        self.settings = settings
        self.queue = queue
        self.status = status
        state = .resting(until: MonotonicTime(nanoseconds: 0))
        warnings = .allocate(capacity: 1)
        warnings.initialize(to: 0)
    }

    deinit {
        if let handle { PQfinish(handle) }
        warnings.deallocate()
    }

    /// Whether it can take statements.
    var isReady: Bool { if case .ready = state { true } else { false } }

    /// What to wait for on its socket; `nil` when there is none.
    var interest: pollfd? {
        guard let handle, PQsocket(handle) >= 0 else { return nil }
        var events = Int16(POLLIN)
        switch state {
        case .resting: return nil
        case .connecting(_, let wanted): events = Int16(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT)
        default: if needsFlush { events |= Int16(POLLOUT) }
        }
        return pollfd(fd: PQsocket(handle), events: events, revents: 0)
    }

    /// When it has to be looked at, whatever its socket says.
    var nextLook: MonotonicTime? {
        switch state {
        case .resting(let time): time
        case .connecting(let since, _), .settingUp(let since): since + connectTimeout
        case .ready: nil
        case .busy(let batch): min(batch.deadline, batch.sentAt + status.responseTimeout)
        }
    }

    /// The longest time of an attempt to connect.
    ///
    /// It is short for half of the connections, so that they are back soon after a broken network is; the others wait
    /// for a network that is slow.
    private var connectTimeout: Duration {
        slot.isMultiple(of: 2) ? max(.milliseconds(1_500), status.usualConnectTime * 3) : .seconds(10)
    }

    /// Does what the clock asks for.
    func look(at now: MonotonicTime) {
        guard let time = nextLook, time <= now else { return }
        switch state {
        case .resting: connect(now)
        case .connecting, .settingUp: lose("connecting to PostgreSQL took too long", now)
        case .busy:
            status.noteResponseTimeout()
            lose("PostgreSQL did not answer in time", now)
        case .ready: break
        }
    }

    /// Does what the socket is ready for.
    func progress(_ now: MonotonicTime) {
        switch state {
        case .resting: break
        case .connecting(let since, _): poll(since: since, now)
        case .settingUp, .ready, .busy: receive(now)
        }
    }

    func connect(_ now: MonotonicTime) {
        let parameters: [(name: String, value: String)] =
            Self.defaults + settings.parameters + [(name: "client_encoding", value: "UTF8")]
        handle = CStrings.with(parameters.map(\.name)) { names in
            CStrings.with(parameters.map(\.value)) { values in PQconnectStartParams(names, values, 1) }
        }
        guard let handle, PQstatus(handle) != CONNECTION_BAD else { return lose(message, now) }
        PQsetNoticeReceiver(
            handle,
            { counter, result in
                // 'V': the severity in English.
                guard let counter, let result, let severity = PQresultErrorField(result, 86) else { return }
                if severity[0] == 87 { counter.assumingMemoryBound(to: Int.self).pointee += 1 }
            }, warnings)
        state = .connecting(since: now, wanted: PGRES_POLLING_WRITING)
    }

    /// The parameters that the settings may replace: a connection whose peer is gone ends after ten seconds.
    private static let defaults: [(name: String, value: String)] = [
        ("tcp_user_timeout", "10000"), ("keepalives_idle", "10"),
        ("keepalives_interval", "3"), ("keepalives_count", "3"), ("target_session_attrs", "read-write"),
    ]

    func poll(since: MonotonicTime, _ now: MonotonicTime) {
        guard let handle else { return }
        switch PQconnectPoll(handle) {
        case PGRES_POLLING_OK:
            guard PQsetnonblocking(handle, 1) == 0, PQsendQuery(handle, setup.sql(settings.deadline)) == 1 else {
                return lose(message, now)
            }
            state = .settingUp(since: since)
            flush(now)
        case PGRES_POLLING_FAILED: lose(message, now)
        case let wanted: state = .connecting(since: since, wanted: wanted)
        }
    }

    /// libpq's last message; it names no password.
    var message: String {
        guard let handle, let text = PQerrorMessage(handle) else { return "libpq has no memory" }
        let lines = String(cString: text).split(separator: "\n")
        return lines.isEmpty ? "the connection was closed" : lines.joined(separator: "; ")
    }
}
