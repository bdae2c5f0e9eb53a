package import Foundations
import Synchronization

/// What a verifier knows to have ended: sessions, users' sessions before a time, signing keys.
///
/// There are 256 shards by the first byte of a digest, each a snapshot that is replaced whole: a verification holds a lock
/// for as long as it takes to look at a reference, and a change copies the 256th part.
package final class RevocationSet: Sendable {
    private final class Place: Sendable {
        let shard = Mutex(RevocationShard())
    }

    /// How many shards there are.
    static let shardCount = 256

    private let places = (0..<shardCount).map { _ in Place() }
    private let keys = Mutex<Set<String>>([])
    private let hasKeys = Atomic(false)
    private let hadCutOffs = Atomic(false)
    /// Held by the one who changes something.
    private let writing = Mutex(())

    package init() {}

    /// Adds entries; nothing is ever taken out before it matters no more.
    ///
    /// - Parameters:
    ///   - entries: what ended, in any order, known or not.
    ///   - now: the time; what matters no more by then is left out.
    /// - Returns: the keys that were not known to be killed.
    @discardableResult
    package func add(_ entries: [FeedEntry], at now: Timestamp) -> [String] {
        writing.withLock { _ in
            var killed: [String] = []
            var sessions: [Int: [RevocationShard.Session]] = [:]
            var cutOffs: [Int: [RevocationShard.CutOff]] = [:]
            for entry in entries {
                switch entry {
                case .session(let digest, _, let until) where until > now:
                    sessions[digest.shard, default: []].append(.init(digest: digest, until: until.milliseconds))
                case .user(let digest, let tenant, let time, let until) where until > now:
                    cutOffs[digest.shard, default: []].append(
                        .init(digest: digest, tenant: tenant, time: time.milliseconds, until: until.milliseconds))
                case .key(let id, _): if keys.withLock({ $0.insert(id).inserted }) { killed.append(id) }
                case .session, .user: break
                }
            }
            if !killed.isEmpty { hasKeys.store(true, ordering: .releasing) }
            if !cutOffs.isEmpty { hadCutOffs.store(true, ordering: .releasing) }
            for index in Set(sessions.keys).union(cutOffs.keys) {
                replace(index, adding: sessions[index] ?? [], cutOffs[index] ?? [], at: now)
            }
            return killed
        }
    }

    private func replace(
        _ index: Int, adding sessions: [RevocationShard.Session], _ cutOffs: [RevocationShard.CutOff],
        at now: Timestamp
    ) {
        let old = places[index].shard.withLock { $0 }
        let new = old.merged(sessions, cutOffs, at: now.milliseconds)
        places[index].shard.withLock { $0 = new }
    }

    /// Takes what matters no more out of a shard.
    ///
    /// - Parameters:
    ///   - index: which; any number, so that a counter goes round.
    ///   - now: the time.
    package func sweep(_ index: Int, at now: Timestamp) {
        let index = index & (Self.shardCount - 1)
        writing.withLock { _ in
            guard places[index].shard.withLock({ $0 }).hasExpired(at: now.milliseconds) else { return }
            replace(index, adding: [], [], at: now)
        }
    }

    /// How many entries there are.
    package var count: Int {
        places.reduce(keys.withLock(\.count)) { $0 + $1.shard.withLock(\.count) }
    }

    /// Whether a signing key is trusted no more.
    package func hasKilled(_ keyID: String) -> Bool {
        hasKeys.load(ordering: .acquiring) && keys.withLock { $0.contains(keyID) }
    }

    /// Whether a session is known to have ended.
    package func hasEnded(_ session: RevocationDigest) -> Bool { shard(of: session).hasSession(session) }

    /// Whether there is or was any cut-off.
    var hasCutOffs: Bool { hadCutOffs.load(ordering: .acquiring) }

    /// The newest cut-off that a session of this user and tenant falls under.
    func cutOff(of user: RevocationDigest, tenant: RevocationDigest) -> RevocationShard.CutOff? {
        shard(of: user).cutOff(of: user, tenant: tenant)
    }

    private func shard(of digest: RevocationDigest) -> RevocationShard {
        places[digest.shard].shard.withLock { $0 }
    }
}

extension RevocationDigest {
    /// Which shard has it: its first byte.
    var shard: Int { Int(high >> 56) }
}
