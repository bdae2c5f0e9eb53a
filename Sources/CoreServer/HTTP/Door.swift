import Logging
import NIOCore
import Synchronization

/// What all connections of a server share.
final class Door: Sendable {
    let api: CoreAPI
    let limits: ServerLimits
    let replies: ReplyBytes
    let roster: ConnectionRoster
    let bodies: BodyBudget

    init(api: CoreAPI, limits: ServerLimits, roster: ConnectionRoster) {
        self.api = api
        self.limits = limits
        self.roster = roster
        replies = ReplyBytes(idle: limits.idle)
        bodies = BodyBudget(limits.bodies)
    }

    /// The head of a request as the value that the core judges.
    func value(of head: RequestHead) -> CoreRequest {
        var value = CoreRequest(
            method: head.method, path: head.path, query: head.query, version: head.fields.version,
            apiKey: head.fields.apiKey, authorization: head.fields.authorization,
            ifNoneMatch: head.fields.ifNoneMatch)
        (value.host, value.origin, value.fetchSite) = (head.host, head.fields.origin, head.fields.fetchSite)
        value.actor = head.fields.actor
        return value
    }

    /// Whether an address may ask anything at all.
    func admits(_ channel: any Channel) -> Bool {
        api.settings.peers?.admits(channel.remoteAddress?.ipAddress) ?? true
    }

    /// Says what was asked, at the level for details: the query and the body may identify a user and are left out.
    func log(_ what: String, _ request: CoreRequest, withVersion: Bool) {
        guard api.logger.logLevel <= .debug else { return }
        let version = request.version.flatMap { withVersion ? ". Version: \($0)" : nil } ?? ""
        api.logger.debug("\(what): \(request.path). Method: \(request.method)\(version)")
    }

    /// Says what was wrong with something that is no request.
    func log(_ problem: HTTPProblem) {
        api.logger.debug("a request was refused as HTTP", metadata: ["problem": "\(problem)"])
    }
}

/// How much of bodies is in memory, of all connections together.
final class BodyBudget: Sendable {
    private let left: Atomic<Int>

    init(_ bytes: Int) { left = Atomic(bytes) }

    /// Takes bytes; `false` when fewer are left.
    func take(_ bytes: Int) -> Bool {
        guard left.subtract(bytes, ordering: .relaxed).newValue < 0 else { return true }
        left.add(bytes, ordering: .relaxed)
        return false
    }

    /// Gives bytes back.
    func release(_ bytes: Int) { left.add(bytes, ordering: .relaxed) }
}
