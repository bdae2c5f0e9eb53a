import Foundations
import SessionEngine
import SessionService

/// What waits for a signer, and what is known of how fast it is.
///
/// `Waiter` is whatever gets the answer to a request.
struct SignerQueue<Waiter: Sendable>: Sendable {
    /// A signature that is asked for.
    struct Request: Sendable {
        let key: SignerKeyName
        let input: [UInt8]
        /// Until when it waits.
        let end: MonotonicTime
        let waiter: Waiter
    }

    /// What one frame asks for.
    struct Batch: Sendable {
        let id: UInt32
        let key: SignerKeyName
        let requests: [Request]
        /// Until when it has to be answered.
        let end: MonotonicTime
    }

    /// What becomes of a new request.
    enum Admission: Sendable {
        case refused
        /// A connection that is at work takes it.
        case waits
        /// Another connection is to be woken for it.
        case wakes
    }

    private static var mostInputs: Int { 32 }
    private static var capacity: Int { 4_096 }
    /// How much work is left to the connections that are at work before another one is woken.
    private static var share: Duration { .microseconds(500) }

    private let deadline: Duration
    private let connections: Int
    private var waiting: [Request] = []
    private var nextID: UInt32 = 0
    /// How long the signer takes for one input, about.
    private var pace = Duration.microseconds(100)
    /// How many connections are at work or were woken, and when one last began with a frame.
    private var busy = 0
    private var begun = MonotonicTime(nanoseconds: 0)
    /// Whether requests fail at once, because the agent does not answer.
    private(set) var isSilent = false
    /// Whether the agent was silent and has only greeted since.
    private var isOnTrial = false
    /// Whether the one request that tries it is under way.
    private var hasTrial = false
    private(set) var isClosed = false

    init(deadline: Duration, connections: Int) { (self.deadline, self.connections) = (deadline, connections) }

    /// When the first one that waits has waited for too long.
    var firstEnd: MonotonicTime? { waiting.lazy.map(\.end).min() }

    func isAnyLate(at now: MonotonicTime) -> Bool { firstEnd.map { $0 <= now } ?? false }

    /// Takes a request, if it can be answered in time.
    mutating func add(_ request: Request, at now: MonotonicTime) -> Admission {
        guard connections > 0, !isSilent, !isClosed, !(isOnTrial && hasTrial), waiting.count < Self.capacity else {
            return .refused
        }
        let work = pace * waiting.count
        guard work / max(1, connections) < deadline else { return .refused }
        hasTrial = isOnTrial
        waiting.append(request)
        let needsAnother = busy == 0 || work > Self.share * busy || now - begun > Self.share
        // Whatever was counted: what waits for long wakes one.
        guard needsAnother, busy < connections || now - begun > Self.share * 100 else { return .waits }
        busy += 1
        return .wakes
    }

    /// A connection was woken.
    ///
    /// - Returns: whether it is to be given up and made again, or not at all.
    mutating func wake() -> Bool {
        guard isClosed || isSilent else { return false }
        busy = max(0, busy - 1)
        return true
    }

    /// What one frame takes: requests of one key, in their order; with nothing to do the connection is no longer at work.
    ///
    /// A frame has no more than the signer does in an eighth of the time, and no request that would be late.
    mutating func take(at now: MonotonicTime) -> (batch: Batch?, late: [Request]) {
        let inTime = (deadline / 8).inNanoseconds / max(1, pace.inNanoseconds)
        let most = max(1, min(Self.mostInputs, Int(clamping: inTime)))
        let margin = min(pace * (2 * most), deadline / 4)
        var (requests, rest, late): ([Request], [Request], [Request]) = ([], [], [])
        var room = SignerFrame.longest - SignerFrame.roomForSign
        var seen = 0
        for request in waiting {
            if requests.count == most { break }
            seen += 1
            let isNext = requests.first.map { $0.key == request.key } ?? true
            let size = SignerFrame.room(for: request.input)
            if request.end <= now + margin {
                late.append(request)
            } else if isNext, requests.count < most, size <= room {
                requests.append(request)
                room -= size
            } else {
                rest.append(request)
            }
        }
        waiting.replaceSubrange(..<seen, with: rest)
        if !late.isEmpty { hasTrial = false }
        guard let first = requests.first else {
            busy = max(0, busy - 1)
            return (nil, late)
        }
        nextID &+= 1
        begun = now
        let end = requests.map(\.end).min() ?? first.end
        return (Batch(id: nextID, key: first.key, requests: requests, end: end), late)
    }

    /// What was not answered waits again.
    ///
    /// - Parameters:
    ///   - batch: the frame.
    ///   - now: the time.
    ///   - drops: whether nothing of it is to be asked for again.
    /// - Returns: what fails.
    mutating func putBack(_ batch: Batch, at now: MonotonicTime, drops: Bool) -> [Request] {
        busy = max(0, busy - 1)
        guard !isClosed, !isSilent, !drops else { return batch.requests }
        let late = batch.requests.filter { $0.end <= now }
        if !late.isEmpty { hasTrial = false }
        waiting.insert(contentsOf: batch.requests.filter { now < $0.end }, at: 0)
        return late
    }

    /// A frame was answered.
    ///
    /// - Returns: whether the signer was silent before.
    mutating func note(_ count: Int, took time: Duration, works: Bool) -> Bool {
        pace = (pace * 3 + time / max(1, count)) / 4
        hasTrial = false
        guard isOnTrial, works else { return false }
        isOnTrial = false
        return true
    }

    /// The agent does not answer.
    ///
    /// - Returns: what fails, and whether that was not known.
    mutating func silence() -> (failed: [Request], isNews: Bool) {
        defer { (isSilent, isOnTrial, hasTrial, waiting) = (true, true, false, []) }
        return (waiting, !isOnTrial)
    }

    /// The agent greets.
    ///
    /// - Returns: whether it was silent.
    mutating func greet() -> Bool {
        busy += 1
        defer { isSilent = false }
        return isSilent
    }

    /// - Returns: what fails.
    mutating func close() -> [Request] {
        defer { (isClosed, waiting) = (true, []) }
        return waiting
    }
}
