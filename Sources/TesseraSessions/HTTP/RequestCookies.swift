import Foundations
import HTTPTypes

typealias RequestCookies = ReceivedCookies

extension ReceivedCookies {
    /// Reads the `Cookie` fields of a request.
    init(_ fields: HTTPFields) { self.init(fields[values: .cookie]) }
}
