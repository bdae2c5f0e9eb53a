import Foundations
import Logging
import NIOCore
import OperatorTracing
import Synchronization

/// What all connections of a server share.
final class Door: Sendable {
    /// What answers.
    let served: any ServedInterface
    let limits: ServerLimits
    let replies: ReplyBytes
    let roster: ConnectionRoster
    let bodies: BodyBudget
    /// What is counted of requests and connections.
    let metrics: RequestMetrics
    /// What traces requests, if anything does.
    let tracer: Tracer?

    init(_ served: any ServedInterface, limits: ServerLimits, roster: ConnectionRoster) {
        self.served = served
        self.limits = limits
        self.roster = roster
        replies = ReplyBytes(idle: limits.idle)
        bodies = BodyBudget(limits.bodies)
        (metrics, tracer) = (served.requestMetrics, served.tracer)
    }

    /// The head of a request as the value that the core judges.
    func value(of head: RequestHead) -> CoreRequest {
        var value = CoreRequest(
            method: head.method, path: head.path, query: head.query, version: head.fields.version,
            apiKey: head.fields.apiKey, authorization: head.fields.authorization,
            ifNoneMatch: head.fields.ifNoneMatch)
        (value.host, value.origin, value.fetchSite) = (head.host, head.fields.origin, head.fields.fetchSite)
        (value.actor, value.activity, value.policy) = (head.fields.actor, head.fields.activity, head.fields.policy)
        (value.accept, value.lastEventID) = (head.fields.accept, head.fields.lastEventID)
        value.client = head.fields.client
        (value.proof, value.proofTarget) = (head.fields.proof, head.fields.proofTarget)
        value.edgeFields = served.edgeFields(of: head.headers)
        value.device = head.fields.device
        return value
    }

    /// Whether an address may ask anything at all.
    func admits(_ channel: any Channel) -> Bool {
        served.peers?.admits(channel.remoteAddress?.ipAddress) ?? true
    }

    /// What is needed for the line of a request; nothing unless details are logged.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - id: its ID, where the caller has given it one.
    ///   - channel: its connection.
    func note(_ request: CoreRequest, _ id: String?, of channel: any Channel) -> RequestNote? {
        guard served.logger.logLevel <= .debug else { return nil }
        return RequestNote(
            id: id ?? RequestID.make(), method: request.method, path: request.path, version: request.version,
            peer: channel.remoteAddress?.ipAddress, begun: .present)
    }

    /// Says what was wrong with something that is no request.
    func log(_ problem: HTTPProblem, _ channel: (any Channel)?) {
        guard served.logger.logLevel <= .debug else { return }
        let peer = channel?.remoteAddress?.ipAddress ?? "unknown"
        served.logger.debug("a request was refused as HTTP", metadata: ["problem": "\(problem)", "peer": "\(peer)"])
    }

    /// Notes that a request showed no right API key.
    func apiKeyRefused(_ channel: any Channel) {
        let address = channel.remoteAddress
        served.keyRefused(PeerKey(address), named: address?.ipAddress)
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
