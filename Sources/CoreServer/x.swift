import Hummingbird
import NIOHTTPTypes
import NIOPosix
import Crypto
enum Placeholder {}
