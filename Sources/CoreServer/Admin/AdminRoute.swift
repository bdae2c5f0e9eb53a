/// The paths of the admin listener.
enum AdminRoute: String, CaseIterable {
    case root = "/"
    case page = "/admin"
    case style = "/admin/admin.css"
    case script = "/admin/admin.js"
    case session = "/admin/session"
    case link = "/admin/link"
    case overview = "/admin/overview"
    case sessions = "/admin/sessions"
    case revoke = "/admin/sessions/revoke"
    case timeline = "/admin/timeline"
    case keys = "/admin/keys"
    case rotate = "/admin/keys/rotate"
    case kill = "/admin/keys/kill"
    case live = "/admin/live"
    case configuration = "/admin/configuration"
    case audit = "/admin/audit"
    case export = "/admin/audit/export"

    /// Reads a path; `nil` for one that there is not.
    init?(_ path: String) { self.init(rawValue: path == "/admin/" ? Self.page.rawValue : path) }

    /// Whether it changes anything but the admin session.
    var isChange: Bool { [.revoke, .rotate, .kill].contains(self) }

    /// The methods that it is answered to.
    var methods: [String] {
        if self == .session { return ["GET", "POST", "DELETE"] }
        return isChange || self == .link ? ["POST"] : ["GET", "HEAD"]
    }

    /// The reply for what needs no admin session: the page itself, which has no data in it.
    var file: AdminReply? {
        switch self {
        case .root:
            var reply = AdminReply(status: 302, contentType: "text/plain; charset=utf-8", body: [])
            reply.headers.append(("Location", Self.page.rawValue))
            return reply
        case .page: return Self.file("text/html", AdminPage.html)
        case .style: return Self.file("text/css", AdminPage.css)
        case .script: return Self.file("text/javascript", AdminPage.script)
        default: return nil
        }
    }

    private static func file(_ type: String, _ text: String) -> AdminReply {
        AdminReply(contentType: "\(type); charset=utf-8", body: Array(text.utf8))
    }
}
