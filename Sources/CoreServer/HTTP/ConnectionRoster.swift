import CTesseraMalloc
import Logging
import NIOCore
import Synchronization

/// Where a connection sits.
struct Seat: Sendable {
    /// Whether it is one of the few that are left for the questions of supervisors and the end of sessions.
    let isReserve: Bool
}

/// How many connections there may be.
struct Capacity: Sendable, Equatable {
    /// All that may ask anything.
    var total: Int
    /// Those of one address, so that none keeps all others out.
    var perPeer: Int
    /// Those beyond, for the questions of supervisors and the end of sessions.
    var reserve: Int
    /// How many of the reserve may stay silent; the others go after ``idleGrace``.
    var silent: Int { max(reserve / 4, 1) }
    /// For this time no connection in the reserve has to go for the next one, so that what was sent at once can be read
    /// first, also while very many come.
    static let idleGrace = TimeAmount.milliseconds(100)

    /// The most that is of use to one process.
    private static let most = 4_096
    /// What the process needs beside its connections: the database, logs, the listening socket, the event loops.
    private static let ownDescriptors = 48

    /// As many as the limit of descriptors has room for.
    ///
    /// - Parameter descriptors: how many the process may have open; `nil` for no limit.
    init(descriptors: Int?) {
        let room = min(max((descriptors ?? .max) - Self.ownDescriptors, 4), Self.most)
        reserve = min(max(room / 4, 2), 1_024)
        total = room - reserve
        perPeer = max(total * 3 / 4, 1)
    }
}

/// All connections of a server.
///
/// There is always room for one more that asks how the core is: connections of the reserve that have had time to ask, and
/// did not, go first, then the oldest.
final class ConnectionRoster: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// The most there were since memory was last given back.
        var peak = 0
        var ordinary = 0
        var perPeer: [PeerKey: Int] = [:]
        /// Those in the reserve that have asked nothing yet, and since when, the oldest first.
        var reserve: [(channel: any Channel, since: NIODeadline)] = []
        /// Those in the reserve that are being served.
        var served: Set<ObjectIdentifier> = []
        var isDraining = false
        var lastLogged: NIODeadline?
        /// Who waits until all have ended.
        var waiting: CheckedContinuation<Void, Never>?

        /// Lets one more into the reserve, and says who goes for it: who has had time to ask, or the oldest.
        mutating func reserve(_ channel: any Channel, _ capacity: Capacity, at now: NIODeadline) -> [any Channel] {
            reserve.append((channel, now))
            let overdue = reserve.prefix { $0.since + Capacity.idleGrace < now }.count
            let leaving = min(overdue, max(reserve.count - capacity.silent, 0))
            let count = max(leaving, reserve.count - capacity.reserve)
            defer { reserve.removeFirst(count) }
            return reserve.prefix(count).map(\.channel)
        }

        /// Whether it is time to say something again.
        mutating func isLogDue(at now: NIODeadline) -> Bool {
            if let lastLogged, now < lastLogged + ConnectionRoster.silence { return false }
            lastLogged = now
            return true
        }
    }

    private let state = Mutex(State())
    private let capacity: Capacity
    private let logger: Logger
    /// So many connections take memory worth giving back.
    private static let crowd = 32
    private static let silence = TimeAmount.minutes(1)

    init(_ capacity: Capacity, _ logger: Logger) {
        self.capacity = capacity
        self.logger = logger
    }

    /// Gives a new connection its seat; `nil` when the server ends.
    func enter(_ channel: any Channel) -> Seat? {
        let peer = PeerKey(channel.remoteAddress)
        let (seat, leaving, isNews) = state.withLock { state -> (Seat?, [any Channel], Bool) in
            guard !state.isDraining else { return (nil, [], false) }
            state.channels[ObjectIdentifier(channel)] = channel
            state.peak = max(state.peak, state.channels.count)
            if state.ordinary < capacity.total, state.perPeer[peer, default: 0] < capacity.perPeer {
                state.ordinary += 1
                state.perPeer[peer, default: 0] += 1
                return (Seat(isReserve: false), [], false)
            }
            let now = channel.eventLoop.now
            return (Seat(isReserve: true), state.reserve(channel, capacity, at: now), state.isLogDue(at: now))
        }
        if let seat { channel.closeFuture.whenComplete { _ in self.leave(channel, seat, peer) } }
        for channel in leaving { channel.close(promise: nil) }
        if isNews { logCrowd() }
        return seat
    }

    /// Keeps a connection of the reserve, which has asked what is answered there, until it has its answer.
    func hasAsked(_ channel: any Channel) {
        state.withLock { state in
            guard state.served.count < capacity.reserve else { return }
            state.served.insert(ObjectIdentifier(channel))
            state.reserve.removeAll { $0.channel === channel }
        }
    }

    private func leave(_ channel: any Channel, _ seat: Seat, _ peer: PeerKey) {
        let (waiting, isCrowdGone) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            state.channels[ObjectIdentifier(channel)] = nil
            if seat.isReserve {
                state.reserve.removeAll { $0.channel === channel }
                state.served.remove(ObjectIdentifier(channel))
            } else {
                state.ordinary -= 1
                let count = state.perPeer[peer, default: 1] - 1
                state.perPeer[peer] = count > 0 ? count : nil
            }
            let isCrowdGone = state.peak >= Self.crowd && state.channels.count < state.peak / 8
            if isCrowdGone { state.peak = 0 }
            guard state.channels.isEmpty else { return (nil, isCrowdGone) }
            defer { state.waiting = nil }
            return (state.waiting, isCrowdGone)
        }
        waiting?.resume()
        // What very many connections took is given back to the system, once it is free.
        if isCrowdGone { channel.eventLoop.scheduleTask(in: .seconds(1)) { tessera_trim_memory() } }
    }

    private func logCrowd() {
        logger.warning(
            """
            connections are at their limit: until some end, only health checks and revocations are answered on new ones. \
            If these are your own, raise the limit of open files (ulimit -n)
            """,
            metadata: ["total": "\(capacity.total)", "perPeer": "\(capacity.perPeer)"])
    }

    /// Logs, once a minute, that the system gives no more descriptors.
    func acceptFailed(_ error: any Error, at now: NIODeadline) {
        guard state.withLock({ $0.isLogDue(at: now) }) else { return }
        logger.warning("no connection can be accepted for a second", metadata: ["error": "\(error)"])
    }

    /// Accepts no more connections and notifies the present ones that the server ends.
    func drain() {
        let channels = state.withLock { state in
            state.isDraining = true
            return Array(state.channels.values)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
    }

    /// Ends all connections.
    func closeAll() {
        for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
    }

    /// Waits until all connections have ended.
    func emptied() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.channels.isEmpty { state.waiting = continuation }
                return state.channels.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }
}

/// Who a connection is from: an IPv4 address, or the network of an IPv6 address, of which one customer has all.
struct PeerKey: Hashable, Sendable {
    private let bits: UInt64

    init(_ address: SocketAddress?) {
        bits = address.flatMap(Self.bits) ?? .max
    }

    /// An address lies behind family and port, and in IPv6 behind the flow label too (RFC 3493 section 3.3).
    private static func bits(of address: SocketAddress) -> UInt64? {
        let isIPv4: Bool
        switch address {
        case .v4: isIPv4 = true
        case .v6: isIPv4 = false
        case .unixDomainSocket: return nil
        }
        return address.withSockAddr { pointer, size in
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            if isIPv4 { return number(bytes[4..<8]) }
            // IPv4 that comes over an IPv6 socket is IPv4.
            let isMapped = bytes[8..<18].allSatisfy { $0 == 0 } && bytes[18] == 0xff && bytes[19] == 0xff
            return number(isMapped ? bytes[20..<24] : bytes[8..<16])
        }
    }

    private static func number(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
