"""LTX-2's transformer and connectors in a form that trains quickly: the modules and weights of diffusers, positions computed once,
prompts padded behind, the same time for every token, no masks. ltxsample.check compares it with the published form."""
import torch
import torch.nn.functional as F
from diffusers import LTX2VideoTransformer3DModel
from diffusers.models.transformers.transformer_ltx2 import LTX2VideoTransformerBlock
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors

from clips import FPS, LATENTS, MAX_TOKENS
from gemma import TEXT
from ltxsound import BINS
from ltxsound import LATENT as SOUND_LATENT
from ltxvideo import GRID, LATENT

REGISTERS = 32


def turn(x, rope):
    """Rotate [B, H, T, d] by cos and sin [1, H, T, d / 2]: the first half of every head against the second."""
    cos, sin = rope
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attend(m, x, context=None, rope=None, context_rope=None):
    context = x if context is None else context
    heads = lambda y: y.unflatten(2, (m.heads, -1)).transpose(1, 2)
    q, k, v = heads(m.norm_q(m.to_q(x))), heads(m.norm_k(m.to_k(context))), heads(m.to_v(context))
    if rope is not None:
        q, k = turn(q, rope), turn(k, rope if context_rope is None else context_rope)
    y = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v).transpose(1, 2)
    return m.to_out[0]((y * (2 * torch.sigmoid(m.to_gate_logits(x))).unsqueeze(-1)).flatten(2))


def rows(table, t):
    """The rows of a table, each moved by what time says: t [B, 1, rows * D]."""
    return (table + t.unflatten(2, (table.shape[0], -1))).unbind(2)


def scaled(x, scale, shift):
    return x * (1 + scale) + shift


class Block(LTX2VideoTransformerBlock):
    """A block with 2.3's flags. times: of video, audio, both AV scales, both AV gates, both prompts."""

    def forward(self, x, a, text, sound_text, times, ropes):
        tv, ta, tcv, tca, tgv, tga, tp, tpa = times
        rv, ra, rcv, rca = ropes
        sh1, sc1, g1, sh2, sc2, g2, shq, scq, gq = rows(self.scale_shift_table, tv)
        ash1, asc1, ag1, ash2, asc2, ag2, ashq, ascq, agq = rows(self.audio_scale_shift_table, ta)
        x = x + attend(self.attn1, scaled(self.norm1(x), sc1, sh1), rope=rv) * g1
        a = a + attend(self.audio_attn1, scaled(self.audio_norm1(a), asc1, ash1), rope=ra) * ag1
        shk, sck = rows(self.prompt_scale_shift_table, tp)
        ashk, asck = rows(self.audio_prompt_scale_shift_table, tpa)
        x = x + attend(self.attn2, scaled(self.norm2(x), scq, shq), scaled(text, sck, shk)) * gq
        a = a + attend(self.audio_attn2, scaled(self.audio_norm2(a), ascq, ashq), scaled(sound_text, asck, ashk)) * agq
        nx, na = self.audio_to_video_norm(x), self.video_to_audio_norm(a)
        vs, vb, ws, wb = rows(self.video_a2v_cross_attn_scale_shift_table[:4], tcv)
        us, ub, zs, zb = rows(self.audio_a2v_cross_attn_scale_shift_table[:4], tca)
        gv, = rows(self.video_a2v_cross_attn_scale_shift_table[4:], tgv)
        ga, = rows(self.audio_a2v_cross_attn_scale_shift_table[4:], tga)
        x = x + gv * attend(self.audio_to_video_attn, scaled(nx, vs, vb), scaled(na, us, ub), rcv, rca)
        a = a + ga * attend(self.video_to_audio_attn, scaled(na, zs, zb), scaled(nx, ws, wb), rca, rcv)
        x = x + self.ff(scaled(self.norm3(x), sc2, sh2)) * g2
        a = a + self.audio_ff(scaled(self.audio_norm3(a), asc2, ash2)) * ag2
        return x, a


def transformer_config(width, layers):
    n, sound = width // 64, width // 2
    return dict(in_channels=LATENT, out_channels=LATENT, patch_size=1, patch_size_t=1, num_attention_heads=n, attention_head_dim=64,
                cross_attention_dim=width, vae_scale_factors=(4, 16, 16), gated_attn=True, cross_attn_mod=True, audio_in_channels=SOUND_LATENT * BINS,
                audio_out_channels=SOUND_LATENT * BINS, audio_num_attention_heads=n, audio_attention_head_dim=32, audio_cross_attention_dim=sound,
                audio_scale_factor=4, audio_gated_attn=True, audio_cross_attn_mod=True, num_layers=layers, caption_channels=TEXT["hidden_size"],
                rope_type="split", rope_double_precision=True, use_prompt_embeddings=False, perturbed_attn=True)


def connectors_config(width):
    n, sound = width // 64, width // 2
    return dict(caption_channels=TEXT["hidden_size"], text_proj_in_factor=TEXT["num_hidden_layers"] + 1, video_connector_num_attention_heads=n,
                video_connector_attention_head_dim=64, video_connector_num_layers=1, video_connector_num_learnable_registers=REGISTERS,
                video_gated_attn=True, audio_connector_num_attention_heads=n, audio_connector_attention_head_dim=32, audio_connector_num_layers=1,
                audio_connector_num_learnable_registers=REGISTERS, audio_gated_attn=True, connector_rope_base_seq_len=4096, rope_theta=10000.0,
                rope_double_precision=True, causal_temporal_positioning=False, rope_type="split", per_modality_projections=True,
                video_hidden_dim=width, audio_hidden_dim=sound, proj_bias=True)


def build(width, layers, device):
    """Transformer and connectors, begun so that every branch adds a little and the text is not yet changed by time."""
    torch.manual_seed(1)
    dit, con = LTX2VideoTransformer3DModel(**transformer_config(width, layers)), LTX2TextConnectors(**connectors_config(width))
    with torch.no_grad():
        for name, p in dit.named_parameters():
            if name.endswith("scale_shift_table"):
                p.zero_()
                for row in {9: (2, 5, 8), 5: (4,)}.get(p.shape[0], ()):
                    p[row] = .3
            elif name.endswith(".linear.weight"):
                p.normal_(std=.01)
            elif name.endswith(".linear.bias"):
                p.zero_()
        for m in (dit.proj_out, dit.audio_proj_out):
            m.weight.zero_()
            m.bias.zero_()
        for c in (con.video_connector, con.audio_connector):
            c.learnable_registers.mul_(.5)
    for b in dit.transformer_blocks:
        b.__class__ = Block
    return dit.to(device), con.to(device)


class Positions:
    """cos and sin of every rotary embedding, of the demo's one size."""

    def __init__(self, dit, con, device):
        video = dit.rope.prepare_video_coords(1, *GRID, device, fps=FPS)
        sound = dit.audio_rope.prepare_audio_coords(1, LATENTS, device)
        self.blocks = (dit.rope(video), dit.audio_rope(sound), dit.cross_attn_rope(video[:, 0:1]), dit.cross_attn_audio_rope(sound[:, 0:1]))
        self.text = [c.rope(1, MAX_TOKENS, device=device) for c in (con.video_connector, con.audio_connector)]


def connect(con, states, mask, positions):
    """Texts [B, MAX_TOKENS, ·] for video and audio, from the text encoder's states of prompts padded behind."""
    b, n = states.shape[:2]
    normal = states * torch.rsqrt((states.float() ** 2).mean(2, keepdim=True) + 1e-6)
    normal = normal.flatten(2) * mask[..., None]
    there = F.pad(mask, (0, MAX_TOKENS - n))[..., None] > 0
    out = []
    for c, proj, dim, rope in ((con.video_connector, con.video_text_proj_in, con.config.video_hidden_dim, positions.text[0]),
                               (con.audio_connector, con.audio_text_proj_in, con.config.audio_hidden_dim, positions.text[1])):
        x = F.pad(proj(normal * (dim / con.config.caption_channels) ** .5), (0, 0, 0, MAX_TOKENS - n))
        registers = c.learnable_registers.repeat(MAX_TOKENS // REGISTERS, 1)[None].expand(b, -1, -1)
        x = torch.where(there, x, registers.to(x.dtype))
        for block in c.transformer_blocks:
            x = x + attend(block.attn1, block.norm1(x), rope=rope)
            x = x + block.ff(block.norm2(x))
        out.append(c.norm_out(x))
    return out


def times(dit, t):
    """t: noise level times 1000, [B]."""
    b = len(t)
    of = lambda m: [v.view(b, 1, -1) for v in m(t, batch_size=b, hidden_dtype=torch.float32)]
    tv, ev = of(dit.time_embed)
    ta, ea = of(dit.audio_time_embed)
    rest = [of(m)[0] for m in (dit.av_cross_attn_video_scale_shift, dit.av_cross_attn_audio_scale_shift, dit.av_cross_attn_video_a2v_gate,
                               dit.av_cross_attn_audio_v2a_gate, dit.prompt_adaln, dit.audio_prompt_adaln)]
    return (tv, ta, *rest), ev, ea


def velocity(dit, x, a, text, sound_text, t, positions):
    """Packed velocities of packed latents x [B, tokens, LATENT] and a [B, LATENTS, ·]."""
    ts, ev, ea = times(dit, t)
    x, a = dit.proj_in(x), dit.audio_proj_in(a)
    for b in dit.transformer_blocks:
        x, a = b(x, a, text, sound_text, ts, positions.blocks)
    shift, scale = rows(dit.scale_shift_table, torch.cat([ev, ev], 2))
    ashift, ascale = rows(dit.audio_scale_shift_table, torch.cat([ea, ea], 2))
    return dit.proj_out(scaled(dit.norm_out(x), scale, shift)), dit.audio_proj_out(scaled(dit.audio_norm_out(a), ascale, ashift))
